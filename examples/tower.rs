//! Logs each request with a layer around a tower service, here the pooled client of hyper-util.
//! `cargo run --features tower --example tower` runs it against a test service on this machine.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper_util::{client::legacy, rt::TokioExecutor};
use tcss_export::{
    Credentials, JobId, Session,
    driver::{Client, Tower},
};
use tcss_export_testkit::{EXAMPLE_SECRET_ID, EXAMPLE_SECRET_KEY, Service};

/// A service that logs the method, the host and the status of each exchange of the inner one.
#[derive(Clone)]
struct Logged<S>(S);

impl<S, B, R> tower_service::Service<Request<B>> for Logged<S>
where
    S: tower_service::Service<Request<B>, Response = Response<R>, Future: Send + 'static>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        // The path and the query of a download are not logged: they are secret.
        let line = format!("{} {:?}", request.method(), request.uri().host());
        let answer = self.0.call(request);
        Box::pin(async move {
            let answer = answer.await?;
            println!("{line}: {}", answer.status());
            Ok(answer)
        })
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let service = Service::builder().script("HTTP:502,SUCCESS".parse()?).start()?;
    let session = Session::new(service.url().parse()?);
    let credentials = Credentials::new(EXAMPLE_SECRET_ID, EXAMPLE_SECRET_KEY)?;
    let pooled = legacy::Client::builder(TokioExecutor::new())
        .retry_canceled_requests(false) // nothing may be sent twice
        .build_http::<Full<Bytes>>();
    let transport = Tower::<_, _, Full<Bytes>>::new(Logged(pooled), tokio::time::sleep);
    let client = Client::with_transport(session, credentials, transport);
    let finished = client.wait(JobId::new("4711")?).await?;
    println!("the file is at {}", finished.download_url);
    Ok(())
}
