//! Adds TLS to a service at a loopback address, and writes its certificate authority to a file.
//!
//! `cargo run -p tcss-export-testkit --features wire --example tls -- 127.0.0.1:8080 ca.pem`

use std::env;
use std::error::Error;
use std::fs;
use std::thread;

use tcss_export_testkit::wire::TlsProxy;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let (Some(addr), Some(ca)) = (arguments.next(), arguments.next()) else {
        return Err("expected an address and a file".into());
    };
    let proxy = TlsProxy::to(addr.parse()?)?;
    fs::write(ca, proxy.ca_pem())?;
    println!("listening on {}", proxy.url());
    loop {
        thread::park();
    }
}
