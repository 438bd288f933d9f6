//! Follows a job over reqwest: four functions are all a client of your own has to give.
//!
//! `cargo run --example reqwest`; a test service on a loopback port stands in for the real one.

use bytes::Bytes;
use http::{Request, Response};
use tcss_export::{
    Credentials, JobId, SendFault, Session,
    driver::{Functions, Shared, TransportError, asynchronous, clock},
};
use tcss_export_testkit::{EXAMPLE_SECRET_ID, EXAMPLE_SECRET_KEY, Service};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let service = Service::builder().script("RUNNING:40,RESET,SUCCESS".parse()?).start()?;
    let shared = Shared::new(Session::new(service.url().parse()?));
    let credentials = Credentials::new(EXAMPLE_SECRET_ID, EXAMPLE_SECRET_KEY)?;
    // Nothing may be sent to where an answer points, nor a second time.
    let client = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .timeout(tcss_export::Policy::EXCHANGE_LIMIT)
        .no_proxy()
        .build()?;
    let functions = Functions {
        now: clock::now,
        sleep: tokio::time::sleep,
        credentials: async |_fresh| Ok(credentials.clone()),
        send: async |request| {
            let answer = send(&client, request).await;
            answer.map_err(|error| TransportError::of_chain(error, SendFault::Connection))
        },
    };
    let mut wait = asynchronous::wait(&shared, JobId::new("4711")?, functions);
    while let Some(event) = wait.next().await {
        println!("{:?}", event.kind);
    }
    println!("the file is at {}", wait.outcome().await?.download_url);
    Ok(())
}

async fn send(
    client: &reqwest::Client,
    request: Request<Bytes>,
) -> reqwest::Result<Response<Bytes>> {
    let answer = client.execute(request.try_into()?).await?;
    let (status, headers) = (answer.status(), answer.headers().clone());
    let mut response = Response::new(answer.bytes().await?);
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    Ok(response)
}
