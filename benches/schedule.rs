//! How late the end of a job is noticed, and at how many polls, by the shape of its progress.
//!
//! `cargo bench --bench schedule` prints the table of `docs/guide.md`, and fails if a bound does
//! not hold. It uses virtual time, so a run takes seconds. The mix of jobs, its seed and the shapes
//! were fixed before the schedule was chosen. The second mix is held out: nothing was chosen by it.

#[path = "../tests/common/random.rs"]
#[expect(dead_code, reason = "only the numbers themselves are needed")]
mod random;

use std::{process::ExitCode, time::Duration};

use http::Response;
use random::Random;
use tcss_export::{
    Credentials, Endpoint, JobId, Session,
    core::{
        Mono, Now, Wall,
        wait::{Step, Waiter},
    },
    wait::Policy,
};

/// How progress, in percent, grows over a job's life from 0 to 1. `None`: the answer has none.
type Shape = fn(f64) -> Option<f64>;

/// Shapes whose end can be seen coming.
const SMOOTH: [(&str, Shape); 3] = [
    ("linear", |x| Some(100.0 * x)),
    ("fast first", |x| Some(100.0 * (1.0 - (1.0 - x) * (1.0 - x)))),
    ("slow first", |x| Some(100.0 * x * x)),
];

const OTHERS: [(&str, Shape); 9] = [
    ("whole percents", |x| Some((100.0 * x).floor())),
    ("steps of 10", |x| Some(10.0 * (10.0 * x).floor())),
    ("stuck at 99", |x| Some((140.0 * x).min(99.0))),
    ("none", |_| None),
    ("falls", |x| Some(100.0 * (3.0 * x).fract())),
    ("jumps", |x| Some(if x < 0.5 { 3.0 } else { 90.0 })),
    ("beyond 100", |x| Some(150.0 * x)),
    ("often absent", |x| ((1_000.0 * x) as u32).is_multiple_of(3).then_some(100.0 * x)),
    ("always 100", |_| Some(100.0)),
];

/// Jobs by their durations in seconds, and the time of a round trip.
struct Mix {
    name: &'static str,
    durations: Vec<f64>,
    round_trip: f64,
}

const JOBS: usize = 4_000;

impl Mix {
    /// 5 s to 30 min, equally likely on a logarithmic scale.
    fn tuned() -> Self {
        // With this seed the schedule of before takes 23.7 polls and is 6.5 s late.
        let durations = uniform(186).map(|u| 5.0 * 360.0_f64.powf(u)).collect();
        Self { name: "5 s to 30 min", durations, round_trip: 0.1 }
    }

    /// 3 s to 10 min with most jobs near the middle, behind a slower network.
    fn held_out() -> Self {
        let (mut a, mut b) = (uniform(7), uniform(8));
        let mean = move || Some((a.next()? + b.next()?) / 2.0);
        let durations = std::iter::from_fn(mean).map(|u| 3.0 * 200.0_f64.powf(u)).collect();
        Self { name: "held out: 3 s to 10 min", durations, round_trip: 0.35 }
    }
}

fn uniform(seed: u64) -> impl Iterator<Item = f64> {
    let mut random = Random(seed);
    (0..JOBS).map(move |_| (random.next() >> 11) as f64 / (1_u64 << 53) as f64)
}

/// Decides when to poll.
enum Schedule {
    Waiter(Policy),
    /// The delays before poll 1, 2, .. in seconds, and a seed.
    Delays(fn(i32, &mut Random) -> f64, u64),
}

/// What was measured for one job.
#[derive(Clone, Copy)]
struct Run {
    late: f64,
    polls: u32,
}

impl Schedule {
    fn steady(seconds: u64) -> Self {
        let mut policy = policy();
        policy.poll_interval = Duration::from_secs(seconds);
        policy.longest_poll_interval = policy.poll_interval;
        Self::Waiter(policy)
    }

    fn run(&self, duration: f64, shape: Shape, round_trip: f64, job: u64) -> Run {
        match self {
            Self::Waiter(policy) => run_waiter(policy, duration, shape, round_trip, job),
            Self::Delays(delay, seed) => {
                let mut random = Random(seed.wrapping_add(job));
                let (mut start, mut polls) = (0.0, 1);
                while start + round_trip / 2.0 < duration {
                    start += round_trip + delay(polls, &mut random);
                    polls += 1;
                }
                Run { late: start + round_trip - duration, polls: polls as u32 }
            }
        }
    }
}

fn policy() -> Policy {
    let mut policy = Policy::default();
    // Longer than any job, so that no wait times out.
    policy.max_wait = Duration::from_secs(3_600);
    policy
}

fn run_waiter(policy: &Policy, duration: f64, shape: Shape, round_trip: f64, job: u64) -> Run {
    let credentials = Credentials::new("AKIDEXAMPLE", "EXAMPLEKEY").expect("plain");
    let mut session = Session::new(Endpoint::international());
    let id = JobId::new("4711").expect("a text");
    let mut waiter = Waiter::new(id, policy, job, at(0.0).mono);
    let mut now = 0.0;
    loop {
        match waiter.step(at(now).mono) {
            Step::WaitUntil(moment) => now = moment.since_origin().as_secs_f64(),
            Step::Poll { .. } => {
                waiter.start(at(now), &mut session, &credentials).expect("a poll is due");
                let answer = answer((now + round_trip / 2.0) / duration, shape);
                now += round_trip;
                waiter.answer(at(now), &mut session, Ok(Response::new(answer.into())));
            }
            Step::Done(_) => break,
        }
    }
    Run { late: now - duration, polls: waiter.finish().expect("success").report.polls }
}

fn at(seconds: f64) -> Now {
    let wall = Wall::from_unix_seconds(1_699_979_400);
    Now { wall, mono: Mono::from_origin(Duration::from_secs_f64(seconds)) }
}

/// The answer at this part of a job's life.
fn answer(life: f64, shape: Shape) -> String {
    if life >= 1.0 {
        let url = "https://h.example/a.csv";
        return format!(r#"{{"Response":{{"ExportStatus":"SUCCESS","DownloadURL":"{url}"}}}}"#);
    }
    let progress = shape(life).map(|p| format!(r#","ExportProgress":{p}"#)).unwrap_or_default();
    format!(r#"{{"Response":{{"ExportStatus":"RUNNING"{progress}}}}}"#)
}

/// The schedule with its progress ignored.
fn plain() -> Schedule {
    let mut policy = policy();
    policy.aim_by_progress = false;
    Schedule::Waiter(policy)
}

fn others() -> [(&'static str, Schedule); 5] {
    [
        ("this crate, progress ignored", plain()),
        ("growing by half, 2 to 15 s (before)", Schedule::Delays(growing, 0)),
        ("fixed 2 s", Schedule::steady(2)),
        // tccli gives up after 180 s unless told otherwise, which is not simulated.
        ("fixed 5 s (tccli's waiter)", Schedule::steady(5)),
        ("AWS waiters, 2 to 120 s", Schedule::Delays(aws, 11)),
    ]
}

fn growing(poll: i32, _: &mut Random) -> f64 {
    (2.0 * 1.5_f64.powi(poll - 1)).min(15.0)
}

/// With the defaults of Smithy: <https://smithy.io/2.0/additional-specs/waiters.html>.
fn aws(poll: i32, random: &mut Random) -> f64 {
    let longest = (2.0 * 2.0_f64.powi(poll - 1)).min(120.0);
    let share = (random.next() >> 11) as f64 / (1_u64 << 53) as f64;
    2.0 + share * (longest - 2.0)
}

/// The runs of all jobs of a mix.
fn run_mix(mix: &Mix, schedule: &Schedule, shape: Shape) -> Vec<Run> {
    let jobs = mix.durations.iter().zip(0..);
    jobs.map(|(duration, job)| schedule.run(*duration, shape, mix.round_trip, job)).collect()
}

struct Summary {
    mean: f64,
    p95: f64,
    polls: f64,
}

impl Summary {
    fn new(runs: &[Run]) -> Self {
        let mut late: Vec<f64> = runs.iter().map(|run| run.late).collect();
        late.sort_by(f64::total_cmp);
        let count = runs.len() as f64;
        Self {
            mean: late.iter().sum::<f64>() / count,
            p95: late[late.len() * 95 / 100],
            polls: runs.iter().map(|run| f64::from(run.polls)).sum::<f64>() / count,
        }
    }

    fn print(&self, schedule: &str, shape: &str) {
        let Self { mean, p95, polls } = self;
        println!("| {schedule} | {shape} | {mean:.2} | {p95:.1} | {polls:.1} |");
    }
}

/// The shapes of progress and their runs with this crate's schedule.
type Shapes = Vec<(&'static str, Vec<Run>)>;

fn print_table(mix: &Mix) -> Shapes {
    println!("\n{JOBS} jobs, {}, round trip {} s\n", mix.name, mix.round_trip);
    println!("| schedule | progress | mean s late | p95 | polls |\n|---|---|---|---|---|");
    let own = Schedule::Waiter(policy());
    let shapes = SMOOTH.into_iter().chain(OTHERS);
    let runs: Shapes = shapes.map(|(name, shape)| (name, run_mix(mix, &own, shape))).collect();
    for (shape, runs) in &runs {
        Summary::new(runs).print("this crate", shape);
    }
    for (name, schedule) in others() {
        Summary::new(&run_mix(mix, &schedule, |_| None)).print(name, "any");
    }
    runs
}

/// Prints a figure, and returns whether it is within its bound.
fn figure(name: &str, value: f64, bound: f64) -> bool {
    let is_within = value <= bound;
    let word = if is_within { "ok  " } else { "over" };
    println!("{word} {name}: {value:.2} (at most {bound})");
    is_within
}

/// Checks the lateness. The polls have no bound: fewer of them make waits without progress later.
fn check_means(runs: &Shapes) -> bool {
    let summary = |runs: &[(&str, Vec<Run>)]| {
        Summary::new(&runs.iter().flat_map(|(_, runs)| runs.clone()).collect::<Vec<_>>())
    };
    let smooth = summary(&runs[..SMOOTH.len()]);
    let none: Shapes = runs.iter().filter(|(name, _)| *name == "none").cloned().collect();
    let none = summary(&none);
    println!("     polls, smooth progress: {:.2} (before: 23.7)", smooth.polls);
    println!("     polls, no progress: {:.2} (before: 23.7)", none.polls);
    let is_smooth_soon = figure("mean s late, smooth progress", smooth.mean, 0.5);
    is_smooth_soon & figure("mean s late, no progress", none.mean, 5.5)
}

/// Compares each wait with the same one without progress.
fn check_each_wait(mix: &Mix, runs: &Shapes) -> bool {
    let plain = run_mix(mix, &plain(), |_| None);
    let pairs = || runs.iter().flat_map(|(_, runs)| runs.iter().zip(&plain));
    let later = pairs().map(|(run, plain)| run.late - plain.late).fold(f64::MIN, f64::max);
    let more = |(run, plain): (&Run, &Run)| f64::from(run.polls) - 1.1 * f64::from(plain.polls);
    let more = pairs().map(more).fold(f64::MIN, f64::max);
    // The times of a wait are rounded to nanoseconds.
    let later = (later * 1e6).round() / 1e6;
    let is_later = figure("s that a wait ends later than without progress", later, 0.0);
    is_later & figure("polls of a wait, less 110 % of those without progress", more, 1.0)
}

fn main() -> ExitCode {
    let [tuned, held_out] = [Mix::tuned(), Mix::held_out()];
    let (of_tuned, of_held_out) = (print_table(&tuned), print_table(&held_out));
    println!();
    let checks = [
        check_means(&of_tuned),
        check_each_wait(&tuned, &of_tuned),
        check_each_wait(&held_out, &of_held_out),
    ];
    ExitCode::from(u8::from(checks.contains(&false)))
}
