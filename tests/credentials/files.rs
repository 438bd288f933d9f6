//! The credentials file of the SDKs.

use std::{fs, path::Path};

use tcss_export::{
    Credentials,
    credentials::{Source, SourceErrorKind, parse_ini},
};

use crate::{ID, KEY, TOKEN, ask, error_of, folder::Folder};

const FILE: &str = "[default]\nsecret_id = AKIDEXAMPLE\nsecret_key = EXAMPLEKEY\n";

fn keys() -> Credentials {
    Credentials::new(ID, KEY).unwrap()
}

/// Writes a file with the mode that keys should have.
pub(crate) fn write(path: &Path, text: impl AsRef<[u8]>) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
    }
}

/// Returns the error for a file with this text, without its path.
#[track_caller]
fn refused(text: impl AsRef<[u8]>) -> String {
    let folder = Folder::new();
    let path = folder.at("credentials");
    write(&path, text);
    let error = ask(Source::File(Some(path.clone())), Vec::<(&str, &str)>::new());
    assert_eq!(error.as_ref().unwrap_err().kind(), SourceErrorKind::Broken);
    let text = error_of(error);
    text.strip_prefix(&format!("{}: ", path.display())).expect("the path first").to_owned()
}

// The forms that the parsers of the official SDKs accept.
#[test]
fn the_forms_of_the_sdks_are_read() {
    for text in [
        FILE,
        "[default]\nsecret_id=AKIDEXAMPLE\nsecret_key=EXAMPLEKEY",
        "# a\n; b = c\n\n[other]\nsecret_id = x\nnonsense\n[default] \n  secret_id =AKIDEXAMPLE \n\
         # secret_key = old\n# more\n;\n\tsecret_key\t=\tEXAMPLEKEY\nregion = ap-singapore\n[more]\n",
        "[default]\nSecret_Id = AKIDEXAMPLE\nSECRET_KEY = EXAMPLEKEY\ntoken =\n",
    ] {
        assert_eq!(parse_ini(text.as_bytes()), Ok(Some(keys())), "{text}");
    }
}

#[test]
fn a_token_is_read_and_a_value_may_contain_the_separator() {
    let text = format!("{FILE}token = EXAMPLE=TOKEN#;==\n");
    let expected = keys().with_token("EXAMPLE=TOKEN#;==").unwrap();
    assert_eq!(parse_ini(text.as_bytes()), Ok(Some(expected)));
}

#[test]
fn keys_of_other_sections_do_not_count() {
    for text in ["", "region = a\n", "[other]\nsecret_id = a\n", "[default]\n", " [other]\nx"] {
        assert_eq!(parse_ini(text.as_bytes()), Ok(None), "{text}");
    }
    let text = format!("{FILE} [other] \nsecret_key = x\n");
    assert_eq!(parse_ini(text.as_bytes()), Ok(Some(keys())));
}

#[test]
fn blanks_around_the_section_do_not_hide_its_keys() {
    for section in [" [default]", "\t[default] ", "[default]\t"] {
        let text = FILE.replace("[default]", section);
        assert_eq!(parse_ini(text.as_bytes()), Ok(Some(keys())), "{section:?}");
    }
}

#[test]
fn keys_outside_every_section_are_an_error() {
    let problem = |name| format!("{name} is not in a section: add the line `[default]` before it");
    let id = format!("line 1: {}", problem("secret_id"));
    assert_eq!(refused("secret_id = a\nsecret_key = b\n"), id);
    let key = format!("line 2: {}", problem("secret_key"));
    assert_eq!(refused(format!("region = a\nSecret_Key = a\n{FILE}")), key);
}

#[test]
fn the_error_names_the_line_and_the_key() {
    for (text, problem) in [
        (&*FILE.replace("KEY", "KEY'"), "line 3: secret_key has quotes around it"),
        (&FILE.replace("AKID", "\"AKID"), "line 2: secret_id has quotes around it"),
        (
            &FILE.replace("EXAMPLEKEY", "${KEY}"),
            "line 3: secret_key names another variable or a command",
        ),
        (&FILE.replace('\n', "\r\n"), "line 1: the line contains a carriage return"),
        (&FILE.replace("KEY\n", "KEY\r"), "line 3: the line contains a carriage return"),
        (&format!("\u{feff}{FILE}"), "line 1: the file starts with a byte order mark"),
        (&FILE.replace("= EXAMPLEKEY", "="), "line 2: secret_id is set, but secret_key is not"),
        (&FILE.replace("secret_id", "id"), "line 3: secret_key is set, but secret_id is not"),
        (&FILE.replace("= EX", "EX"), "line 3: expected `name = value`"),
        (&format!("{FILE}secret_key = x"), "line 4: secret_key is set twice"),
        (&FILE.replace("KEY", "KEY # mine"), "line 3: secret_key contains white space"),
        (&FILE.replace("default]", "default"), "line 1: expected `[name]`"),
        (&FILE.replace("[default]", " [default"), "line 1: expected `[name]`"),
    ] {
        assert!(refused(text).starts_with(problem), "{}: {problem}", refused(text));
    }
    assert_eq!(refused(b"[default]\n\xff"), "line 2: the file is not UTF-8");
    assert_eq!(parse_ini(b"[default]\n\n\xff").unwrap_err().line(), Some(3));
}

#[test]
fn a_file_in_home_comes_before_other_sources_of_files() {
    let folder = Folder::new();
    write(&folder.at(".tencentcloud/credentials"), FILE);
    let home = folder.path().to_str().unwrap();
    let found = ask(Source::File(None), vec![("HOME", home)]).unwrap();
    assert_eq!(found.credentials, keys());
    let path = format!("section [default] of {home}/.tencentcloud/credentials");
    assert_eq!((found.origin, found.warning), (path, None));
}

#[test]
fn a_file_in_home_without_keys_is_skipped_and_a_broken_one_is_not() {
    let folder = Folder::new();
    let (home, path) = (folder.path().to_str().unwrap(), folder.at(".tencentcloud/credentials"));
    let error = || ask(Source::File(None), vec![("HOME", home)]).unwrap_err();
    write(&path, "[other]\n");
    assert_eq!(error().kind(), SourceErrorKind::Absent);
    let expected = format!(
        "credentials file: {}: no keys in the section [default]; \
         /etc/tencentcloud/credentials: no such file",
        path.display()
    );
    assert_eq!(error().tried()[0].to_string(), expected);
    write(&path, FILE.replace("secret_id", "id"));
    assert_eq!(error().kind(), SourceErrorKind::Broken);
}

#[test]
fn a_variable_names_the_only_file() {
    let folder = Folder::new();
    let (home, other) = (folder.path().to_str().unwrap(), folder.at("other"));
    write(&folder.at(".tencentcloud/credentials"), FILE);
    let variables =
        || vec![("HOME", home), ("TENCENTCLOUD_CREDENTIALS_FILE", other.to_str().unwrap())];
    let missing = error_of(ask(Source::File(None), variables()));
    let variable = "TENCENTCLOUD_CREDENTIALS_FILE";
    assert_eq!(missing, format!("{variable}: {}: no such file", other.display()));
    for text in ["", "[other]\nsecret_id = a\n"] {
        write(&other, text);
        let problem = format!("{}: no keys in the section [default]", other.display());
        let named = format!("{variable}: {problem}");
        for (source, text) in
            [(Source::File(None), named), (Source::File(Some(other.clone())), problem)]
        {
            let error = ask(source, variables());
            assert_eq!(error.as_ref().unwrap_err().kind(), SourceErrorKind::Broken);
            assert_eq!(error_of(error), text);
        }
    }
    write(&other, format!("{FILE}token = {TOKEN}"));
    let found = ask(Source::File(None), variables()).unwrap();
    assert_eq!(found.credentials, keys().with_token(TOKEN).unwrap());
}

#[test]
fn without_a_file_each_path_is_named() {
    let folder = Folder::new();
    let home = folder.path().to_str().unwrap();
    let error = ask(Source::File(None), vec![("HOME", home)]).unwrap_err();
    assert_eq!(error.kind(), SourceErrorKind::Absent);
    let expected = format!(
        "credentials file: {home}/.tencentcloud/credentials: no such file; \
         /etc/tencentcloud/credentials: no such file"
    );
    assert_eq!(error.tried()[0].to_string(), expected);
}

#[test]
fn a_folder_and_a_large_file_are_errors() {
    let folder = Folder::new();
    let path = folder.at("credentials");
    let ask = || error_of(ask(Source::File(Some(path.clone())), Vec::<(&str, &str)>::new()));
    fs::create_dir(&path).unwrap();
    assert_eq!(ask(), format!("{}: not a regular file", path.display()));
    fs::remove_dir(&path).unwrap();
    // A hole: it takes no room.
    fs::File::create(&path).unwrap().set_len(1 << 30).unwrap();
    assert_eq!(ask(), format!("{}: the file is larger than 64 KiB", path.display()));
}

#[test]
fn a_file_may_have_64_kib() {
    let folder = Folder::new();
    let path = folder.at("credentials");
    let ask = || ask(Source::File(Some(path.clone())), Vec::<(&str, &str)>::new());
    write(&path, [FILE, &"#".repeat(65_536 - FILE.len())].concat());
    assert_eq!(ask().unwrap().credentials, keys());
    write(&path, [FILE, &"#".repeat(65_537 - FILE.len())].concat());
    assert_eq!(ask().unwrap_err().kind(), SourceErrorKind::Broken);
}

#[cfg(unix)]
#[test]
fn a_path_that_cannot_be_followed_is_not_a_missing_file() {
    let folder = Folder::new();
    write(&folder.at("file"), "");
    let home = folder.at("file");
    let error = ask(Source::File(None), vec![("HOME", home.to_str().unwrap())]).unwrap_err();
    assert_eq!(error.kind(), SourceErrorKind::Broken);
    assert!(error.to_string().contains("Not a directory"), "{error}");
}

// Its target may be a volume that is not mounted; another source may have another account.
#[cfg(unix)]
#[test]
fn a_link_to_nothing_is_not_a_missing_file() {
    let folder = Folder::new();
    let path = folder.at(".tencentcloud/credentials");
    fs::create_dir(folder.at(".tencentcloud")).unwrap();
    std::os::unix::fs::symlink(folder.at("none"), &path).unwrap();
    let home = vec![("HOME", folder.path().to_str().unwrap())];
    let error = error_of(ask(Source::File(None), home));
    assert_eq!(error, format!("{}: the link leads to no file", path.display()));
}

#[cfg(unix)]
#[test]
fn a_pipe_is_an_error_instead_of_a_wait_for_its_writer() {
    let folder = Folder::new();
    let path = folder.at("pipe");
    let made = std::process::Command::new("mkfifo").arg(&path).status().unwrap();
    assert!(made.success());
    let error = error_of(ask(Source::File(Some(path.clone())), Vec::<(&str, &str)>::new()));
    assert_eq!(error, format!("{}: not a regular file", path.display()));
}

#[cfg(unix)]
#[test]
fn a_file_that_others_can_read_is_used_with_a_warning() {
    use std::os::unix::fs::PermissionsExt;

    let folder = Folder::new();
    let path = folder.at("credentials");
    write(&path, FILE);
    for (mode, is_open) in [(0o600, false), (0o400, false), (0o640, true), (0o604, true)] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let found = ask(Source::File(Some(path.clone())), Vec::<(&str, &str)>::new()).unwrap();
        let warning =
            format!("{} is accessible to other users: set its mode to 0600", path.display());
        assert_eq!(found.warning, is_open.then_some(warning), "{mode:o}");
    }
}
