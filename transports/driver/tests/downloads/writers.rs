//! Downloads into writers, which take nothing back and may fail.

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
    world::{BOTH, End, Loop, World, blocking_client, client, run, source},
};

/// Takes so many bytes and no more; may fail to be flushed.
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

fn download_into(each: Loop, world: &World, writer: &mut Writer) -> End {
    let world = world.clone();
    match each {
        Loop::Blocking => {
            blocking_client(world).download_into(source(), writer).expect("a URL").outcome()
        }
        Loop::Async => {
            let download = client(world).download_into(source(), writer);
            run(download.expect("a URL").outcome())
        }
    }
}

fn file() -> File {
    File::new("0123456789")
}

#[test]
fn a_writer_gets_each_byte_once_across_faults() {
    for each in BOTH {
        let mut writer = Writer::new();
        let world = World::spoiling(&file(), [|reply| reply.broken(4)]);
        let Downloaded { bytes, verified, .. } =
            download_into(each, &world, &mut writer).expect("a file");
        assert_eq!((bytes, verified), (10, true));
        assert_eq!(writer.bytes, file().bytes);
    }
}

#[test]
fn a_whole_answer_in_place_of_the_rest_is_passed_over_as_far_as_it_is_there() {
    for each in BOTH {
        let mut writer = Writer::new();
        let mut count = 0;
        let world = World::new(move |_| {
            count += 1;
            let reply = Reply::of(200, file().bytes).with("etag", "\"v1\"");
            if count == 1 { reply.broken(4) } else { reply }
        });
        download_into(each, &world, &mut writer).expect("a file");
        assert_eq!(writer.bytes, file().bytes);
    }
}

#[test]
fn another_file_is_never_written_behind_the_first() {
    for each in BOTH {
        let mut writer = Writer::new();
        let mut count = 0;
        let world = World::new(move |request| {
            count += 1;
            let changed = File::new("abcdefghij").with_etag("\"v2\"");
            if count == 1 { file().answer(request).broken(4) } else { changed.answer(request) }
        });
        let end = download_into(each, &world, &mut writer);
        let Err(DownloadError::Download { error, .. }) = end else { panic!("{end:?}") };
        assert_eq!(error.kind, ErrorKind::Changed);
        assert_eq!(writer.bytes, b"0123");
    }
}

#[test]
fn what_a_writer_cannot_take_is_told_by_kind_and_source() {
    for (each, full) in BOTH.into_iter().flat_map(|each| {
        [io::ErrorKind::StorageFull, io::ErrorKind::BrokenPipe].map(|full| (each, full))
    }) {
        let mut writer = Writer { room: 5, full, ..Writer::new() };
        let world = World::serving(&file());
        let error = file_error(download_into(each, &world, &mut writer));
        assert_eq!((error.kind(), error.path()), (FileErrorKind::Write, None));
        assert_eq!(error.to_string(), "the output cannot be written");
        let source = std::error::Error::source(&error).expect("the writer's own");
        let source = source.downcast_ref::<io::Error>().expect("an error of input or output");
        assert_eq!(source.kind(), full);
        assert_eq!((writer.bytes, world.requests()), (b"01234".to_vec(), 1));
    }
}

#[test]
fn what_cannot_be_flushed_is_not_there() {
    for each in BOTH {
        let mut writer = Writer { flush: Some(io::ErrorKind::BrokenPipe), ..Writer::new() };
        let error = file_error(download_into(each, &World::serving(&file()), &mut writer));
        assert_eq!((error.kind(), error.path()), (FileErrorKind::Write, None));
    }
}
