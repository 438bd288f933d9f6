//! Downloads into writers, which may fail and cannot take bytes back.

use std::{
    io::{self, Write},
    pin::Pin,
    task::{Context, Poll},
};

use futures_util::io::AsyncWrite;
use tcss_export_core::download::{Downloaded, ErrorKind};
use tcss_export_driver::{DownloadError, FileErrorKind};

use crate::{
    folder::file_error,
    server::{File, Reply},
    transport::{
        BOTH_CLIENTS, ClientKind, DownloadResult, TestTransport, async_client, block_on,
        blocking_client, source,
    },
};

/// A writer with limited room, whose flush may fail.
#[derive(Debug)]
struct Writer {
    bytes: Vec<u8>,
    room: usize,
    full: io::ErrorKind,
    flush: Option<io::ErrorKind>,
}

impl Writer {
    fn new() -> Self {
        Self { bytes: vec![], room: usize::MAX, full: io::ErrorKind::StorageFull, flush: None }
    }
}

impl Write for &mut Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let length = bytes.len().min(self.room).min(3);
        if length == 0 && !bytes.is_empty() {
            return Err(self.full.into());
        }
        self.room -= length;
        self.bytes.extend_from_slice(&bytes[..length]);
        Ok(length)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.flush.map_or(Ok(()), |kind| Err(kind.into()))
    }
}

impl AsyncWrite for &mut Writer {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(self.write(bytes))
    }

    fn poll_flush(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.flush())
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

fn download_into(
    client: ClientKind,
    transport: &TestTransport,
    writer: &mut Writer,
) -> DownloadResult {
    let transport = transport.clone();
    match client {
        ClientKind::Blocking => {
            blocking_client(transport).download_into(source(), writer).expect("a URL").outcome()
        }
        ClientKind::Async => {
            let download = async_client(transport).download_into(source(), writer);
            block_on(download.expect("a URL").outcome())
        }
    }
}

fn file() -> File {
    File::new("0123456789")
}

#[test]
fn a_writer_receives_each_byte_once_across_faults() {
    for client in BOTH_CLIENTS {
        let mut writer = Writer::new();
        let transport = TestTransport::faulty(&file(), [|reply| reply.broken(4)]);
        let Downloaded { bytes, verified, .. } =
            download_into(client, &transport, &mut writer).expect("a file");
        assert_eq!((bytes, verified), (10, true));
        assert_eq!(writer.bytes, file().bytes);
    }
}

#[test]
fn a_whole_answer_to_a_range_request_skips_the_written_bytes() {
    for client in BOTH_CLIENTS {
        let mut writer = Writer::new();
        let mut count = 0;
        let transport = TestTransport::new(move |_| {
            count += 1;
            let reply = Reply::of(200, file().bytes).with("etag", "\"v1\"");
            if count == 1 { reply.broken(4) } else { reply }
        });
        download_into(client, &transport, &mut writer).expect("a file");
        assert_eq!(writer.bytes, file().bytes);
    }
}

#[test]
fn another_file_is_never_appended_to_the_first() {
    for client in BOTH_CLIENTS {
        let mut writer = Writer::new();
        let mut count = 0;
        let transport = TestTransport::new(move |request| {
            count += 1;
            let changed = File::new("abcdefghij").with_etag("\"v2\"");
            if count == 1 { file().answer(request).broken(4) } else { changed.answer(request) }
        });
        let result = download_into(client, &transport, &mut writer);
        let Err(DownloadError::Download { error, .. }) = result else { panic!("{result:?}") };
        assert_eq!(error.kind, ErrorKind::Changed);
        assert_eq!(writer.bytes, b"0123");
    }
}

#[test]
fn a_write_error_has_its_kind_and_source() {
    for (client, full) in BOTH_CLIENTS.into_iter().flat_map(|client| {
        [io::ErrorKind::StorageFull, io::ErrorKind::BrokenPipe].map(|full| (client, full))
    }) {
        let mut writer = Writer { room: 5, full, ..Writer::new() };
        let transport = TestTransport::serving(&file());
        let error = file_error(download_into(client, &transport, &mut writer));
        assert_eq!((error.kind(), error.path()), (FileErrorKind::Write, None));
        assert_eq!(error.to_string(), "the output cannot be written");
        let source = std::error::Error::source(&error).expect("the error of the writer");
        let source = source.downcast_ref::<io::Error>().expect("an I/O error");
        assert_eq!(source.kind(), full);
        assert_eq!((writer.bytes, transport.requests()), (b"01234".to_vec(), 1));
    }
}

#[test]
fn a_flush_error_fails_the_download() {
    for client in BOTH_CLIENTS {
        let mut writer = Writer { flush: Some(io::ErrorKind::BrokenPipe), ..Writer::new() };
        let error =
            file_error(download_into(client, &TestTransport::serving(&file()), &mut writer));
        assert_eq!((error.kind(), error.path()), (FileErrorKind::Write, None));
    }
}
