//! Counts instructions under valgrind, which a busy machine does not change.
//!
//! ```sh
//! cargo bench --bench counting # fails if an operation costs more than its limit
//! ```
//!
//! Each figure is printed with its aim. A limit is five percent above what an operation took.
//!
//! valgrind does not support the SHA instructions, so sha2 runs its portable code, where each block
//! of 64 bytes takes the same number of instructions. So the bench can separate hashing from the
//! rest.

use std::{env, error::Error, fs, hint::black_box, process::Command};

use http::Response;
use serde_json::Value;
use tcss_export::{
    Credentials, Endpoint, JobId, Session,
    actions::DescribeExportJobResult,
    core::{Wall, read_answer},
};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// What each operation may take: hashed blocks, and the aim and the limit of the instructions
/// outside of hashing.
const LIMITS: [(&str, f64, f64, f64); 6] = [
    // In addition to a request: twelve blocks for the key of the day, two for its pads, two for the
    // common beginning of all canonical requests of the action, and one for the empty payload.
    ("request, fresh session", 23.0, 16_550.0, 16_030.0),
    ("request", 6.0, 5_500.0, 5_500.0),
    ("request, same job", 3.0, 4_300.0, 3_950.0),
    ("success", 0.0, 4_236.0, 4_340.0),
    ("running", 0.0, 3_564.0, 3_670.0),
    ("API error", 0.0, 3_654.0, 3_700.0),
];

/// The aim and the limit of reading an answer, relative to reading it as generic JSON.
const RATIOS: [(&str, &str, f64, f64); 3] = [
    ("success", SUCCESS, 0.67, 0.61),
    ("running", RUNNING, 0.65, 0.55),
    ("API error", ERROR, 0.75, 0.64),
];

const SUCCESS: &str = r#"{"Response":{"ExportStatus":"SUCCESS","DownloadURL":"https://export-1250000000.cos.ap-guangzhou.myqcloud.com/p/report.csv?q-sign-algorithm=sha1&q-ak=EXAMPLE&q-sign-time=1699979400;1699983000&q-signature=EXAMPLE","ExportProgress":100,"FailureMsg":"","RequestId":"3f1c9a52-77aa-4a6e-9b7d-5d2f0c8e1a10"}}"#;
const RUNNING: &str = r#"{"Response":{"ExportStatus":"RUNNING","DownloadURL":"","ExportProgress":42.5,"FailureMsg":"","RequestId":"3f1c9a52-77aa-4a6e-9b7d-5d2f0c8e1a10"}}"#;
const ERROR: &str = r#"{"Response":{"Error":{"Code":"InternalError","Message":"An internal error has occurred. Retry your request."},"RequestId":"3f1c9a52-77aa-4a6e-9b7d-5d2f0c8e1a10"}}"#;

fn main() -> Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["child", operation, times] => repeat(operation, times.parse()?),
        _ => compare(),
    }
}

fn compare() -> Result<()> {
    let mut is_over = false;
    for (operation, most_blocks, aim, limit) in LIMITS {
        let (blocks, instructions) = cost(operation)?;
        if most_blocks > 0.0 {
            // A run may also hash something once, which leaves a fraction of a block.
            report(&format!("{operation}: compressions"), blocks.round(), most_blocks, 0);
            is_over |= blocks.round() > most_blocks;
        }
        let name = format!("{operation}: instructions outside of hashing");
        report(&name, instructions, aim, 0);
        if instructions > limit {
            eprintln!("{name}: over the limit of {limit}");
            is_over = true;
        }
        if let Some((_, _, aim, limit)) = RATIOS.iter().find(|(name, ..)| *name == operation) {
            let (_, generic) = cost(&format!("generic {operation}"))?;
            let name = format!("{operation}: instructions / those of serde_json::Value");
            report(&name, instructions / generic, *aim, 2);
            is_over |= instructions / generic > *limit;
        }
    }
    if is_over { Err("over a limit".into()) } else { Ok(()) }
}

/// Prints a figure and what it aims at.
fn report(name: &str, value: f64, aim: f64, decimals: usize) {
    let word = if value > aim { "over" } else { "ok  " };
    println!("{word} {name}: {value:.decimals$} (at most {aim:.decimals$})");
}

/// Returns the cost of one operation. The difference of two runs leaves out what each does once.
fn cost(operation: &str) -> Result<(f64, f64)> {
    const FEW: u32 = 100;
    const MANY: u32 = 1_100;
    let ((hashing, all), (more_hashing, more)) = (count(operation, FEW)?, count(operation, MANY)?);
    let each = |few: u64, many: u64| (many - few) as f64 / f64::from(MANY - FEW);
    let hashing_each = each(hashing, more_hashing);
    Ok((hashing_each / INSTRUCTIONS_PER_BLOCK, each(all, more) - hashing_each))
}

/// For sha2 0.11 without SHA instructions.
const INSTRUCTIONS_PER_BLOCK: f64 = 3_372.0;

/// Returns the instructions of a run: those of hashing, and all of them.
fn count(operation: &str, times: u32) -> Result<(u64, u64)> {
    let file = env::temp_dir().join(format!("tcss-export-counting-{}", std::process::id()));
    let output = Command::new("valgrind")
        .arg("--tool=callgrind")
        .arg(format!("--callgrind-out-file={}", file.display()))
        .arg(env::current_exe()?)
        .args(["child", operation, &times.to_string()])
        .output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into());
    }
    let report = Command::new("callgrind_annotate")
        .args(["--auto=no", "--threshold=100"])
        .arg(&file)
        .output()?;
    fs::remove_file(&file)?;
    let report = String::from_utf8(report.stdout)?;
    let sum = |words: [&str; 2]| {
        let lines = report.lines().filter(|line| words.iter().all(|word| line.contains(word)));
        lines.filter_map(instructions).sum::<u64>()
    };
    Ok((sum(["sha2", "compress"]), sum(["PROGRAM", "TOTALS"])))
}

/// Parses the number at the start of a line such as `1,234 (56.7%)  file:function`.
fn instructions(line: &str) -> Option<u64> {
    line.split_whitespace().next()?.replace(',', "").parse().ok()
}

fn repeat(operation: &str, times: i64) -> Result<()> {
    let credentials = Credentials::new("AKIDFIELDCASES0001", "FieldCasesSecretKey0001")?;
    let job = JobId::new("3f1c9a52-77aa-4a6e-9b7d-5d2f0c8e1a10")?;
    let action = DescribeExportJobResult::new(job);
    let fresh = Session::new(Endpoint::international());
    let mut session = fresh.clone();
    let prepared = session.prepare(&action)?;
    let answer = |body| read_answer::<DescribeExportJobResult>(black_box(&Response::new(body)));
    for second in 0..times {
        let now = Wall::from_unix_seconds(1_699_979_400 + second);
        match operation {
            "request, fresh session" => {
                black_box(fresh.clone().request(black_box(&action), &credentials, now)?);
            }
            "request" => {
                black_box(session.request(black_box(&action), &credentials, now)?);
            }
            "request, same job" => {
                black_box(session.sign(black_box(&prepared), &credentials, now)?);
            }
            "success" => drop(black_box(answer(SUCCESS))),
            "running" => drop(black_box(answer(RUNNING))),
            "API error" => drop(black_box(answer(ERROR))),
            generic => {
                let body = RATIOS.iter().find(|(name, ..)| generic.ends_with(name));
                let (_, body, ..) = body.ok_or("no such operation")?;
                drop(black_box(serde_json::from_str::<Value>(black_box(body))?));
            }
        }
    }
    Ok(())
}
