//! The test service of `run.py`: `service LOG FILE FAULTS ACCOUNT=PORT...`
//!
//! It serves each account on its port, with the keys in `FLEET_KEYS`, and writes a line into the
//! log for each request: microseconds, account, action, job, answer.

use std::{
    env, fs,
    fs::File,
    io::Write,
    path::PathBuf,
    sync::{Arc, Mutex},
};

use anyhow::{Context, Result};
use tcss_export::credentials::parse_ini;
use tcss_export_fleet::variable;
use tcss_export_testkit::{Seen, ServedFile, Service};

fn main() -> Result<()> {
    let args: Vec<String> = env::args().collect();
    let [_, log, file, faults, accounts @ ..] = &args[..] else {
        anyhow::bail!("usage: service LOG FILE FAULTS ACCOUNT=PORT...")
    };
    let log = Log { file: Arc::new(Mutex::new(File::create(log)?)) };
    let keys = PathBuf::from(variable("FLEET_KEYS")?);
    let serve = |account: &String| {
        let (name, port) = account.split_once('=').context("expected ACCOUNT=PORT")?;
        let key = parse_ini(&fs::read(keys.join(name))?)?.context("no keys")?;
        let (log, name) = (log.clone(), name.to_owned());
        let service = Service::builder()
            .key(key.secret_id(), key.secret_key())
            .port(port.parse()?)
            .script("RUNNING:10,RUNNING:40,RUNNING:70,SUCCESS".parse()?)
            .file(ServedFile::path(file))
            .download_faults(faults.parse()?)
            .watch(move |seen| log.write(&name, seen))
            .start()?;
        anyhow::Ok(service)
    };
    let services: Vec<_> = accounts.iter().map(serve).collect::<Result<_>>()?;
    services.into_iter().for_each(Service::join);
    Ok(())
}

#[derive(Clone)]
struct Log {
    file: Arc<Mutex<File>>,
}

impl Log {
    fn write(&self, account: &str, seen: &Seen) {
        let action = seen.action.as_deref().unwrap_or("-");
        let job = seen.job_id.as_deref().unwrap_or("-");
        let at = seen.at.as_micros();
        let line = format!("{at}\t{account}\t{action}\t{job}\t{:?}\n", seen.answer);
        let mut file = self.file.lock().expect("no thread panics with the lock");
        file.write_all(line.as_bytes()).expect("the log is a file");
    }
}
