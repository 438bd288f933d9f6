//! What the alerts by which a server breaks off TLS mean.

use std::{
    io::{self, Read, Write},
    net::{TcpListener, TcpStream},
    thread,
};

use tcss_export::{driver::TransportErrorKind, error::SendError};

use crate::clients::{Http, LIBRARIES, Setup};

/// Answers the first words of TLS by a fatal alert.
fn refuse(mut stream: TcpStream, alert: u8) -> io::Result<()> {
    // Type, version and length of the record.
    let mut head = [0; 5];
    stream.read_exact(&mut head)?;
    let mut hello = vec![0; u16::from_be_bytes([head[3], head[4]]).into()];
    stream.read_exact(&mut hello)?;
    stream.write_all(&[21, 3, 3, 0, 2, 2, alert])
}

/// Says what each client makes of this alert.
fn faults(alert: u8) -> Vec<TransportErrorKind> {
    let fault = |library: &_| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("https://{}", listener.local_addr().unwrap());
        let server = thread::spawn(move || refuse(listener.accept().unwrap().0, alert).unwrap());
        let client = Setup { http: Http::Given, ..Setup::own(*library) }.client_at(&url, &[]);
        let Err(SendError::Transport(error)) = client.send() else { panic!("an answer") };
        server.join().unwrap();
        error.kind()
    };
    LIBRARIES.iter().map(fault).collect()
}

// The numbers are those of RFC 8446, appendix B.2, and RFC 7301.

#[test]
fn a_server_that_refuses_the_client_will_do_so_again() {
    for alert in [40, 42, 43, 44, 45, 46, 48, 49, 70, 71, 109, 110, 112, 116, 120] {
        let faults = faults(alert);
        assert!(
            faults.iter().all(|fault| *fault == TransportErrorKind::Permanent),
            "{alert}: {faults:?}"
        );
    }
}

#[test]
fn a_fault_inside_a_server_and_damaged_bytes_may_pass() {
    for alert in [20, 50, 80] {
        let faults = faults(alert);
        assert!(
            faults.iter().all(|fault| *fault == TransportErrorKind::Connection),
            "{alert}: {faults:?}"
        );
    }
}
