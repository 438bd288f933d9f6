//! Targets of downloads that cannot be used, and what stays on the disk.

use std::env;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::json;
use tcss_export_testkit::{Seen, ServedFile, Service};

use crate::support::{Ended, Folder, ID, KEY, builder, cli, without_keys};

/// A small file system of its own, unmounted on drop.
struct Tmpfs(Folder);

impl Tmpfs {
    /// Returns `None` without the permission to mount.
    fn mount(name: &str, options: &str) -> Option<Self> {
        // Removes the leftover of an earlier run, if any.
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        let _ = Command::new("umount").arg(path).output();
        let folder = Folder::new(name);
        mount(&["-t", "tmpfs", "-o", options, "tmpfs", &folder.path("")]).then(|| Self(folder))
    }

    fn remount(&self, options: &str) {
        assert!(mount(&["-o", &format!("remount,{options}"), &self.0.path("")]));
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        let status = Command::new("umount").arg(self.0.path("")).status();
        assert!(status.is_ok_and(|status| status.success()), "a file system stays mounted");
    }
}

fn mount(args: &[&str]) -> bool {
    Command::new("mount").args(args).output().expect("the command mount").status.success()
}

/// Runs a test again in a namespace with the permission to mount.
fn rerun(test: &str) {
    const INSIDE: &str = "TCSS_EXPORT_TEST_INSIDE";
    assert!(env::var_os(INSIDE).is_none(), "this test needs the permission to mount a tmpfs");
    let mut command = Command::new("unshare");
    command.args(["--map-root-user", "--mount"]).arg(env::current_exe().expect("this test"));
    command.args(["--exact", test]).env(INSIDE, "");
    let status = command.status().expect("the command unshare");
    assert!(status.success(), "this test needs to mount a tmpfs: run it as root");
}

fn content() -> Vec<u8> {
    (0..3_000_000_u32).map(|n| (n % 251) as u8).collect()
}

fn serving() -> Service {
    let file = ServedFile::bytes("served.csv", content());
    builder("SUCCESS").file(file).start().expect("a service")
}

fn serving_with(faults: &str) -> Service {
    let file = ServedFile::bytes("served.csv", content());
    let service = builder("SUCCESS").file(file).download_faults(faults.parse().expect("faults"));
    service.start().expect("a service")
}

fn download(service: &Service, file: &str) -> Ended {
    let url = service.url();
    cli(&["download", "J", "--json", "--quiet", "-o", file, "--endpoint", &url]).run()
}

/// Checks that a target is refused before any request, with this message and hint.
fn refused(file: &str, message: &str, hint: &str) {
    let service = serving();
    let ended = download(&service, file);
    let error = ended.error();
    assert_eq!((ended.code, &error["kind"]), (Some(7), &json!("file")), "{error}");
    assert!(error["message"].as_str().expect("a text").contains(message), "{error}");
    assert!(error["hint"].as_str().expect("a text").contains(hint), "{error}");
    assert_eq!(service.seen().len(), 0);
}

#[test]
fn a_folder_is_refused_as_a_target() {
    let folder = Folder::new("target-folder");
    for name in ["", ".", "..", "../target-folder", "../target-folder/"] {
        refused(&folder.path(name), "is a directory", "name a file");
    }
    assert!(folder.files().is_empty());
}

#[test]
fn a_path_may_pass_through_another_folder() {
    let folder = Folder::new("target-dots");
    fs::create_dir(folder.path("sub")).expect("a folder");
    assert_eq!(download(&serving(), &folder.path("sub/../f")).code, Some(0));
    assert_eq!(folder.files(), ["f", "sub"]);
}

#[test]
fn a_missing_folder_is_reported_before_any_request() {
    let folder = Folder::new("target-missing");
    refused(
        &folder.path("missing/f"),
        "/missing/f\" cannot be opened: ",
        "check that the folder exists",
    );
}

#[test]
fn a_path_of_any_form_is_shown_as_given() {
    let folder = Folder::new("target-path");
    let digits = "a".repeat(80);
    for name in [&*digits, "a?b=c", "odd://name"] {
        let path = folder.path(&format!("{name}/f"));
        refused(&path, &format!("/{name}/f\" cannot be opened"), "check that the folder");
        for args in [["replay", &path], ["serve", &format!("--file={path}")]] {
            let ended = cli(&args).run();
            assert!(ended.stderr.starts_with(&format!("error: {path} cannot be ")), "{ended:?}");
        }
    }
}

#[test]
fn a_file_that_cannot_be_opened_is_named_with_a_fitting_hint() {
    let folder = Folder::new("target-hints");
    let opened = |name: &str| format!("/{name}\" cannot be opened: ");
    let long = "n".repeat(256);
    refused(&folder.path(&long), &opened(&long), "choose a shorter name");
    fs::write(folder.path("file"), "").expect("a file");
    refused(&folder.path("file/f"), &opened("file/f"), "a part of it is a file, not a folder");
    assert_eq!(folder.files(), ["file"]);
}

#[test]
fn an_obstacle_to_the_part_file_is_named() {
    let folder = Folder::new("target-in-the-way");
    for (name, message) in [
        (".f.part", "cannot be opened: it is not a regular file"),
        (".f.part.json", "is a directory"),
    ] {
        fs::create_dir(folder.path(name)).expect("a folder");
        refused(&folder.path("f"), &format!("/{name}\" {message}"), "remove or rename it");
        fs::remove_dir(folder.path(name)).expect("the folder");
    }
}

#[test]
fn a_device_is_refused_as_a_target() {
    refused("/dev/null", "is not a regular file", "use -o - for a pipe or a device");
}

#[test]
#[cfg(target_os = "linux")]
fn a_read_only_folder_is_reported_before_any_request() {
    let Some(mounted) = Tmpfs::mount("target-read-only", "size=1m,ro") else {
        return rerun("targets::a_read_only_folder_is_reported_before_any_request");
    };
    refused(&mounted.0.path("f"), "Read-only file system", "can be written to");
    assert!(mounted.0.files().is_empty());
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_keeps_the_bytes_and_more_room_lets_the_download_finish() {
    let Some(mounted) = Tmpfs::mount("target-full", "size=1m") else {
        return rerun(
            "targets::a_full_disk_keeps_the_bytes_and_more_room_lets_the_download_finish",
        );
    };
    // Without its length, the missing room is noticed late.
    let service = serving_with("CHUNKED");
    let file = mounted.0.path("f");
    let ended = download(&service, &file);
    let error = ended.error();
    assert_eq!((ended.code, &error["job_id"]), (Some(7), &json!("J")), "{error}");
    assert!(error["hint"].as_str().expect("a hint").starts_with("make room"), "{error}");
    assert_eq!(mounted.0.files(), [".f.part", ".f.part.json"]);
    mounted.remount("size=8m");
    let ended = download(&service, &file);
    assert_eq!((ended.code, &ended.json()["resumed"]), (Some(0), &json!(true)), "{ended:?}");
    assert_eq!((mounted.0.files(), mounted.0.read("f")), (vec!["f".to_owned()], content()));
}

#[test]
#[cfg(target_os = "linux")]
fn after_a_full_disk_the_file_can_go_to_another_one() {
    let Some(mounted) = Tmpfs::mount("target-full-elsewhere", "size=1m") else {
        return rerun("targets::after_a_full_disk_the_file_can_go_to_another_one");
    };
    let folder = Folder::new("target-elsewhere");
    let service = serving();
    assert_eq!(download(&service, &mounted.0.path("f")).code, Some(7));
    assert_eq!(download(&service, &folder.path("f")).code, Some(0));
    assert_eq!(folder.read("f"), content());
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_stdout_ends_with_7() {
    let full = fs::File::options().write(true).open("/dev/full").expect("/dev/full");
    let service = serving();
    let args = ["download", "J", "--json", "-o", "-", "--endpoint", &service.url()];
    let ended = cli(&args).stdout(full).run();
    let error = ended.error();
    assert_eq!((ended.code, &error["kind"]), (Some(7), &json!("file")), "{ended:?}");
    assert_eq!(error["hint"], "make room, discard the output and download again");
}

fn unmount(target: &str) {
    assert!(Command::new("umount").arg(target).status().expect("umount").success());
}

#[test]
#[cfg(unix)]
fn a_new_file_is_for_its_owner_alone_and_force_keeps_the_permissions_of_the_old_one() {
    use std::os::unix::fs::PermissionsExt;

    let (service, folder) = (serving(), Folder::new("target-permissions"));
    let (file, url) = (folder.path("f"), service.url());
    let args = ["download", "J", "--force", "-o", &file, "--endpoint", &url];
    let mode = || fs::metadata(&file).expect("the file").permissions().mode() & 0o7777;
    assert_eq!((cli(&args).run().code, mode()), (Some(0), 0o600));
    for old in [0o640, 0o600, 0o644] {
        fs::set_permissions(&file, PermissionsExt::from_mode(old)).expect("new permissions");
        assert_eq!((cli(&args).run().code, mode()), (Some(0), old));
    }
}

#[test]
#[cfg(target_os = "linux")]
fn run_refuses_a_mounted_file_before_it_creates_a_job() {
    let Some(mounted) = Tmpfs::mount("target-mounted", "size=8m") else {
        return rerun("targets::run_refuses_a_mounted_file_before_it_creates_a_job");
    };
    let (service, file) = (serving(), mounted.0.path("f"));
    fs::write(&file, "old").expect("a file");
    let url = service.url();
    let run = ["run", "--asset-type", "host", "--all", "--force", "-o", &file, "--endpoint", &url];
    fs::write(mounted.0.path("source"), "").expect("a file");
    assert!(mount(&["--bind", &mounted.0.path("source"), &file]));
    let (text, json) = (cli(&run).run(), cli(&[&run[..], &["--json"]].concat()).run());
    unmount(&file);
    let error = json.error();
    let message = format!("{file:?} cannot be replaced: it is a mount point");
    assert_eq!((json.code, &error["message"]), (Some(7), &json!(message)));
    assert!(error["hint"].as_str().expect("a hint").contains("mount its folder instead"));
    assert_eq!((&error["command"], &error["job_id"]), (&json!(null), &json!(null)), "{error}");
    let hint = "\n  hint  name another file; if this one is mounted into a container, mount its \
        folder instead\n";
    assert!(text.stderr.ends_with(hint), "{text:?}");
    assert_eq!((text.code, service.seen().len()), (Some(7), 0));
    assert_eq!(
        (mounted.0.files(), mounted.0.read("f")),
        (vec!["f".into(), "source".into()], b"old".into())
    );
    assert_eq!(cli(&run).run().code, Some(0));
    assert_eq!(mounted.0.read("f"), content());
}

#[test]
#[cfg(target_os = "linux")]
fn a_file_mounted_meanwhile_has_its_own_hint_and_no_next_command() {
    let Some(mounted) = Tmpfs::mount("target-mounted-late", "size=8m") else {
        return rerun("targets::a_file_mounted_meanwhile_has_its_own_hint_and_no_next_command");
    };
    let file = mounted.0.path("f");
    fs::write(&file, "old").expect("a file");
    fs::write(mounted.0.path("source"), "").expect("a file");
    let pair = [mounted.0.path("source"), file.clone()];
    // The request for the file comes after the check of its target.
    let mount_at_file = move |seen: &Seen| {
        assert!(seen.job_id.is_some() || mount(&["--bind", &pair[0], &pair[1]]));
    };
    let served = ServedFile::bytes("served.csv", content());
    let service = builder("SUCCESS").file(served).watch(mount_at_file).start().expect("a service");
    let url = service.url();
    let args = ["download", "J", "--force", "--json", "-o", &file, "--endpoint", &url];
    let ended = cli(&args).run();
    unmount(&file);
    let error = ended.error();
    assert!(error["message"].as_str().expect("a text").contains("busy"), "{error}");
    assert!(error["hint"].as_str().expect("a hint").contains("mount its folder instead"));
    assert_eq!((ended.code, &error["command"]), (Some(7), &json!(null)), "{error}");
    // The complete file is kept beside it.
    assert_eq!(mounted.0.read(".f.part"), content());
}

#[test]
#[cfg(target_os = "linux")]
fn a_file_above_the_limit_of_the_process_has_its_own_hint_and_no_next_command() {
    let (service, folder) = (serving(), Folder::new("target-limit"));
    let (file, url) = (folder.path("f"), service.url());
    let script = "ulimit -f 2048; exec \"$0\" \"$@\"";
    let args = ["download", "J", "--json", "-o", &file, "--endpoint", &url];
    let mut command = Command::new("/bin/sh");
    command.args(["-c", script, env!("CARGO_BIN_EXE_tcss-export")]).args(args).env_clear();
    command.env("TENCENTCLOUD_SECRET_ID", ID).env("TENCENTCLOUD_SECRET_KEY", KEY);
    let ended = Ended::new(command.output().expect("a shell"), false);
    let error = ended.error();
    assert!(error["message"].as_str().expect("a text").contains("File too large"), "{error}");
    assert!(error["hint"].as_str().expect("a hint").contains("ulimit -f"), "{error}");
    assert_eq!((ended.code, &error["command"]), (Some(7), &json!(null)), "{error}");
    assert_eq!(error["job_id"], "J");
}

#[test]
fn a_file_created_meanwhile_is_kept_and_so_are_the_bytes() {
    let folder = Folder::new("target-meanwhile");
    let service = serving_with("SLOW:300000");
    let (name, url) = (folder.path("f"), service.url());
    let running = cli(&["download", "J", "--json", "-o", &name, "--endpoint", &url]);
    let running = running.stdout(Stdio::null()).start(1);
    fs::write(&name, "another program").expect("a file");
    let ended = running.end();
    let error = ended.error();
    assert_eq!((ended.code, &error["command"]), (Some(7), &json!(null)), "{error}");
    let hint =
        "what was downloaded is kept beside it: move it away or use --force, and download again";
    assert_eq!(error["hint"], hint);
    assert_eq!(folder.read("f"), b"another program");
    let ended = cli(&["download", "J", "--json", "--force", "-o", &name, "--endpoint", &url]).run();
    assert_eq!((ended.code, &ended.json()["resumed"]), (Some(0), &json!(true)));
    assert_eq!(folder.read("f"), content());
}

#[test]
fn a_name_that_cannot_be_shown_gives_no_next_command() {
    for name in ["a\nb", "\u{1b}[2J"] {
        let folder = Folder::new("target-unshown");
        let service = serving_with("SLOW:20000");
        let args = ["download", "J", "-o", &folder.path(name), "--endpoint", &service.url()];
        let running = cli(&args).stdout(Stdio::null()).start(1);
        running.signal("-INT");
        let ended = running.end();
        let line = "\nstopped downloading; repeat the command as it was\n";
        assert!(ended.code == Some(130) && ended.stderr.ends_with(line), "{ended:?}");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_result_that_cannot_be_printed_keeps_the_file_and_has_no_next_command() {
    let full = fs::File::options().write(true).open("/dev/full").expect("/dev/full");
    let (service, folder) = (serving(), Folder::new("target-unprinted"));
    // Looks like a signature, but is not.
    let name = "a".repeat(64);
    let file = folder.path(&name);
    let args = ["download", "J", "-o", &file, "--quiet", "--endpoint", &service.url()];
    let ended = cli(&args).stdout(full).run();
    assert_eq!((ended.code, folder.files()), (Some(7), vec![name]), "{ended:?}");
    let line = format!("; {file} is complete and in its place\n");
    assert!(ended.stderr.contains(&line), "{ended:?}");
    assert!(!ended.stderr.contains("continue with"), "{ended:?}");
}

#[test]
fn a_removed_part_file_is_reported() {
    let folder = Folder::new("target-removed");
    let service = serving_with("SLOW:300000");
    let running = cli(&["download", "J", "-o", &folder.path("f"), "--endpoint", &service.url()]);
    let running = running.stdout(Stdio::null()).start(1);
    fs::remove_file(folder.path(".f.part")).expect("the part");
    let ended = running.end();
    assert!(ended.stderr.contains("the part file was removed during the download\n"), "{ended:?}");
    let hint = "\n  hint           download again, and leave .FILE.part and .FILE.part.json alone \
        until it is done\n";
    assert!(ended.code == Some(7) && ended.stderr.contains(hint), "{ended:?}");
}

#[test]
fn a_url_in_place_of_a_job_id_is_refused_and_not_shown() {
    let (download, others) = (&["download", "-o", "f"][..], ["wait", "result", "sign", "explain"]);
    for command in others.iter().map(std::slice::from_ref).chain([download]) {
        for url in ["https://h.example/a?q=EXAMPLEQUERY", "file:///f"] {
            let ended = cli(&[command, &[url, "--json"]].concat()).run();
            let message = &ended.error()["message"];
            assert_eq!((ended.code, message), (Some(2), &json!("the job id is a URL")));
            assert!(!ended.stderr.contains("EXAMPLEQUERY"), "{ended:?}");
        }
    }
}

#[test]
fn a_job_id_may_be_any_text_except_a_url() {
    let folder = Folder::new("target-odd-ids");
    for id in ["a/b==", "../../x", "why?"] {
        let (service, file) = (serving(), folder.path("f"));
        let ended = cli(&["download", id, "-o", &file, "--endpoint", &service.url()]).run();
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert_eq!(service.seen()[0].job_id.as_deref(), Some(id));
        fs::remove_file(&file).expect("the file");
    }
}

#[test]
fn the_error_of_a_target_has_the_job_id() {
    let folder = Folder::new("target-job");
    let ended = cli(&["download", "J", "--json", "-o", &folder.path("")]).run();
    assert_eq!((ended.code, &ended.error()["job_id"]), (Some(7), &json!("J")), "{ended:?}");
}

#[test]
fn a_url_that_cannot_be_used_ends_with_2_and_creates_no_file() {
    let folder = Folder::new("target-url");
    for (url, hint) in [
        ("nonsense", "give the whole URL"),
        ("file:///etc/hostname", "give the whole URL"),
        ("ftp://h.example/f", "give the whole URL"),
        ("https://", "give the whole URL"),
        ("http://h.example/f?k=EXAMPLEQUERY", "--allow-http"),
        ("https://10.0.0.1/f?k=EXAMPLEQUERY", "--allow-private"),
        ("https://198.18.0.1:8443/f?k=EXAMPLEQUERY", "--allow-network 198.18.0.0/15"),
        ("https://192.168.0.1", "use --allow-network 192.168.0.1"),
        ("https://169.254.0.23/f", "a metadata service, which no option allows"),
    ] {
        let file = folder.path("f");
        let ended = without_keys(&["download", "--url", url, "--json", "-o", &file]).run();
        let error = ended.error();
        assert_eq!((ended.code, &error["kind"]), (Some(2), &json!("usage")), "{url}: {error}");
        assert!(error["hint"].as_str().expect("a hint").contains(hint), "{url}: {error}");
    }
    assert!(folder.files().is_empty());
}

#[test]
fn an_expired_url_ends_with_2_and_is_not_sent() {
    let folder = Folder::new("target-over");
    let service = serving();
    let url = format!("{}/f?q-sign-time=1699979400;1699983000", service.url());
    let file = folder.path("f");
    let ended = without_keys(&["download", "--url", &url, "--json", "-o", &file]).run();
    let error = ended.error();
    assert_eq!((ended.code, &error["kind"]), (Some(2), &json!("usage")), "{error}");
    assert_eq!(error["message"], "the URL has expired");
    assert_eq!((folder.files().len(), service.seen().len()), (0, 0));
}

#[test]
fn a_token_with_a_line_end_is_refused_before_any_request() {
    let folder = Folder::new("target-token");
    let (service, file) = (serving(), folder.path("f"));
    let url = service.url();
    let args = ["run", "--asset-type", "host", "--all", "--json", "-o", &file, "--endpoint", &url];
    let ended = cli(&args).env("TENCENTCLOUD_TOKEN", "EXAMPLE-TOKEN\nEXAMPLE-REST").run();
    let message = "environment: TENCENTCLOUD_TOKEN contains white space or a control character";
    assert_eq!((ended.code, &ended.error()["message"]), (Some(2), &json!(message)));
    assert_eq!((folder.files().len(), service.seen().len()), (0, 0));
}
