//! Edits a question in the user's editor.
//!
//! The text goes to `question.md` in a new private folder with a random name. The temporary folder is shared, and under
//! a predictable name another user could have placed a link to one of our files. The folder is removed with everything
//! in it, whatever happens.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, IsTerminal, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

/// The text that `editor` leaves of `text`. What it prints is not captured. Errors are a message for the user.
pub(super) fn edit(text: &str, editor: Option<&str>) -> Result<String, String> {
    edit_below(&std::env::temp_dir(), text, editor)
}

fn edit_below(temporary: &Path, text: &str, editor: Option<&str>) -> Result<String, String> {
    let editor = editor.ok_or("no editor is set: set EDITOR or VISUAL")?;
    let edited = edited(temporary, text, editor).map_err(|error| format!("cannot run {editor}: {error}"))?;
    edited.ok_or_else(|| format!("{editor} failed; the question is unchanged"))
}

/// `None` when the editor failed.
fn edited(temporary: &Path, text: &str, editor: &str) -> io::Result<Option<String>> {
    let folder = private_folder(temporary)?;
    let file = folder.path().join("question.md");
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(&file)?.write_all(text.as_bytes())?;
    // A shell, because EDITOR may have arguments: `code --wait`.
    let mut command = Command::new("sh");
    command.args(["-c", &format!("{editor} \"$1\""), "sh"]).arg(&file);
    // Standard input can be the document.
    if let Some(tty) = File::open("/dev/tty").ok().filter(|_| !io::stdin().is_terminal()) {
        command.stdin(tty);
    }
    let status = command.status()?;
    if status.success() { fs::read_to_string(&file).map(Some) } else { Ok(None) }
}

/// A new private folder that is removed when dropped.
fn private_folder(temporary: &Path) -> io::Result<TempDir> {
    tempfile::Builder::new().prefix("lunette-").permissions(Permissions::from_mode(0o700)).tempdir_in(temporary)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn is_empty(folder: &Path) -> bool {
        folder.read_dir().expect("a folder").next().is_none()
    }

    #[test]
    fn an_editor_changes_the_question() {
        let temporary = tempfile::tempdir().expect("a folder");
        let edit = |editor| edit_below(temporary.path(), "Who?", editor);
        assert_eq!(edit(Some("sed -i s/Who/What/")), Ok("What?".into()));
        assert!(matches!(edit(Some("false")), Err(line) if line.contains("failed; the question is unchanged")));
        assert!(matches!(edit(Some("printf '\\377' >")), Err(line) if line.contains("valid UTF-8")));
        assert!(matches!(edit(Some("rm")), Err(line) if line.contains("cannot run rm")));
        assert!(edit(None).is_err());
        assert!(is_empty(temporary.path()), "nothing is left behind");
    }

    #[test]
    fn nobody_else_can_read_or_foretell_where_the_question_is() {
        let (temporary, said) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        let modes = said.path().join("modes");
        let listed = "ls -ld \"$(dirname \"$1\")\" \"$1\" | cut -c 1-10";
        let editor = format!("sh -c '{listed} > {}' sh", modes.display());
        assert_eq!(edit_below(temporary.path(), "Who?", Some(&editor)), Ok("Who?".into()));
        assert_eq!(fs::read_to_string(modes).expect("text"), "drwx------\n-rw-------\n");
        let named = || private_folder(temporary.path()).expect("a folder").path().to_owned();
        assert_ne!(named(), named());
    }

    /// The predictable name that was once used.
    #[test]
    fn what_was_planted_at_a_name_that_can_be_foretold_is_left_alone() {
        let (temporary, theirs) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        let precious = theirs.path().join("precious");
        fs::write(&precious, "old").expect("written");
        symlink(&precious, theirs.path().join("question.md")).expect("a link");
        let planted = temporary.path().join(format!("lunette-{}", std::process::id()));
        symlink(theirs.path(), &planted).expect("a link");
        let edited = edit_below(temporary.path(), "Who?", Some("sed -i s/Who/What/"));
        assert_eq!(edited, Ok("What?".into()));
        assert_eq!(fs::read_to_string(&precious).expect("text"), "old");
        assert!(planted.is_symlink());
    }
}
