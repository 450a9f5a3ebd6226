//! The strict applier: a patch that fits is applied exactly; one that is off by a line or a character is an error.

use crate::patch::{Change, Error, parse};

const FILE: &str = "one\ntwo\nthree\nfour\nfive\n";

const MODIFY: &str = "\
From 0000000000000000000000000000000000000000 Mon Sep 17 00:00:00 2001
Subject: [PATCH] words that look like a diff are no diff

--- this is a header
---
diff --git a/src/a.c b/src/a.c
index 111..222 100644
--- a/src/a.c
+++ b/src/a.c
@@ -1,3 +1,4 @@ void f(void)
 one
-two
+TWO
+and a half
 three
@@ -5 +6 @@
-five
+FIVE
-- 
2.39
";

fn apply(patch: &str, old: Option<&str>) -> Result<Option<String>, Error> {
    parse(patch)?[0].apply(old)
}

fn one_hunk(hunk: &str) -> String {
    format!("diff --git a/f b/f\n--- a/f\n+++ b/f\n{hunk}")
}

#[test]
fn hunks_are_applied_at_their_lines() {
    assert_eq!(apply(MODIFY, Some(FILE)).unwrap().unwrap(), "one\nTWO\nand a half\nthree\nfour\nFIVE\n");
}

#[test]
fn a_hunk_one_line_off_is_refused_with_the_place() {
    let shifted = format!("zero\n{FILE}");
    let expected =
        Error::Mismatch { path: "src/a.c".into(), line: 1, expected: "one\n".into(), found: "zero\n".into() };
    assert_eq!(apply(MODIFY, Some(&shifted)), Err(expected));
}

#[test]
fn a_context_line_with_another_blank_is_refused() {
    let other = FILE.replace("three", "three ");
    assert!(matches!(apply(MODIFY, Some(&other)), Err(Error::Mismatch { line: 3, .. })));
}

#[test]
fn a_file_that_ends_too_early_is_refused() {
    assert!(matches!(apply(MODIFY, Some("one\ntwo\nthree\n")), Err(Error::Mismatch { .. })));
}

#[test]
fn a_new_file_is_created_only_where_there_is_none() {
    let create =
        "diff --git a/n.c b/n.c\nnew file mode 100644\nindex 0..1\n--- /dev/null\n+++ b/n.c\n@@ -0,0 +1,2 @@\n+a\n+b\n";
    assert_eq!(apply(create, None).unwrap().unwrap(), "a\nb\n");
    assert_eq!(apply(create, Some("")), Err(Error::Presence { path: "n.c".into(), change: Change::Create }));
}

#[test]
fn a_deleted_file_must_be_there_and_be_the_one_meant() {
    let delete = "diff --git a/d b/d\ndeleted file mode 100644\n--- a/d\n+++ /dev/null\n@@ -1 +0,0 @@\n-gone\n";
    assert_eq!(apply(delete, Some("gone\n")), Ok(None));
    assert!(matches!(apply(delete, Some("gone\nmore\n")), Err(Error::Mismatch { line: 2, .. })));
    assert!(matches!(apply(delete, None), Err(Error::Presence { .. })));
}

#[test]
fn a_missing_line_end_is_kept_and_can_be_added() {
    let add = one_hunk("@@ -1 +1 @@\n-last\n\\ No newline at end of file\n+last\n");
    assert_eq!(apply(&add, Some("last")).unwrap().unwrap(), "last\n");
    assert!(matches!(apply(&add, Some("last\n")), Err(Error::Mismatch { .. })));
    let keep = one_hunk("@@ -1 +1,2 @@\n+first\n last\n\\ No newline at end of file\n");
    assert_eq!(apply(&keep, Some("last")).unwrap().unwrap(), "first\nlast");
}

#[test]
fn an_insertion_without_context_goes_behind_its_line() {
    assert_eq!(apply(&one_hunk("@@ -1,0 +2 @@\n+x\n"), Some("a\nb\n")).unwrap().unwrap(), "a\nx\nb\n");
}

#[test]
fn an_empty_context_line_whose_blank_was_stripped_is_read() {
    assert_eq!(apply(&one_hunk("@@ -1,2 +1,3 @@\n a\n\n+b\n"), Some("a\n\n")).unwrap().unwrap(), "a\n\nb\n");
}

#[test]
fn what_is_not_understood_is_refused_with_its_line() {
    for (diff, line) in [
        ("diff --git a/x b/y\nsimilarity index 100%\n", 1),
        ("diff --git a/x b/x\nold mode 100644\n", 2),
        ("diff --git a/x b/x\nGIT binary patch\n", 2),
        ("diff --git a/x b/x\n@@ -1,2 +1 @@\n a\n", 4),
        ("diff --git a/x b/x\n@@ -1 +1 @@\n*a\n", 3),
    ] {
        assert!(matches!(parse(diff), Err(Error::Syntax { line: found, .. }) if found == line), "{diff}");
    }
}
