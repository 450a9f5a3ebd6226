//! Files that clients have uploaded, with their texts, until they are deleted, expire, or the server ends.
//!
//! They are in memory alone. There is room for so many bytes, uploads and their texts together; a file that has no room is refused, so
//! that a file which a client was told about stays. Clients of other machines see each other's files, as they share the key.
//!
//! Example: with `--max-body 16MB` there is room for 128 MB: for two hundred books of 600 kB, if each is a text.
//!
//! It neither reads a file ([`super::upload`] does) nor joins it with others ([`super::documents`] does).

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{SystemTime, UNIX_EPOCH};

use hyper::body::Bytes;
use serde_json::{Value, json};

use super::document_set::DocumentSet;
use super::error::ApiError;
use crate::units::bytes;

/// Room for so many of the largest requests.
const REQUESTS: u64 = 8;
/// A list of them is one answer.
const MOST_FILES: usize = 1000;
/// What a file takes beside its bytes and its text.
const EACH_BYTES: u64 = 4096;
/// How every id begins.
pub(super) const PREFIX: &str = "file-";

/// A file that is kept.
#[derive(Debug)]
pub(super) struct KeptFile {
    pub(super) id: String,
    /// The first file of a server is 0.
    pub(super) number: u64,
    pub(super) upload: Upload,
    /// The file alone.
    pub(super) set: Arc<DocumentSet>,
    /// What was found out about it, for `lunette`.
    pub(super) found: Value,
    /// Seconds since 1970.
    created: u64,
    expires: Option<u64>,
}

/// What a client has sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Upload {
    pub(super) filename: String,
    pub(super) purpose: &'static str,
    pub(super) content: Bytes,
    pub(super) expires_after_s: Option<u64>,
}

impl KeptFile {
    /// As OpenAI's clients read it.
    pub(super) fn to_json(&self) -> Value {
        json!({
            "id": self.id, "object": "file", "bytes": self.upload.content.len(), "created_at": self.created,
            "expires_at": self.expires, "filename": self.upload.filename, "purpose": self.upload.purpose,
            "status": "processed", "status_details": null, "lunette": self.found,
        })
    }

    fn bytes(&self) -> u64 {
        (self.upload.content.len() + self.set.text.len()) as u64 + EACH_BYTES
    }
}

/// Which files a list has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Wanted<'a> {
    pub(super) purpose: Option<&'a str>,
    /// The last one of the page before.
    pub(super) after: Option<&'a str>,
    pub(super) most: Option<usize>,
    pub(super) oldest_first: bool,
}

/// The files that are kept.
#[derive(Debug)]
pub(super) struct Files {
    kept: Mutex<Kept>,
    most_bytes: u64,
    secret: RandomState,
}

#[derive(Debug, Default)]
struct Kept {
    /// The oldest first.
    files: Vec<Arc<KeptFile>>,
    next_number: u64,
}

impl Files {
    /// Room for several requests of `most_body_bytes`.
    pub(super) fn for_requests_of(most_body_bytes: u64) -> Self {
        let most_bytes = most_body_bytes.saturating_mul(REQUESTS);
        Self { kept: Mutex::default(), most_bytes, secret: RandomState::new() }
    }

    /// A number and an id that no other file has.
    pub(super) fn new_id(&self) -> (u64, String) {
        let mut kept = self.kept();
        let number = kept.next_number;
        kept.next_number += 1;
        (number, self.id_of(number))
    }

    /// Keeps a file under its new id.
    ///
    /// Errors: it has no room.
    pub(super) fn keep(
        &self,
        (number, id): (u64, String),
        upload: Upload,
        set: Arc<DocumentSet>,
        found: Value,
    ) -> Result<Arc<KeptFile>, ApiError> {
        let created = now_s();
        let expires = upload.expires_after_s.map(|seconds| created.saturating_add(seconds));
        let file = Arc::new(KeptFile { id, number, upload, set, found, created, expires });
        let mut kept = self.kept();
        self.check_room(&kept, file.bytes())?;
        kept.files.push(file.clone());
        Ok(file)
    }

    /// Refuses an upload of `upload_bytes` that surely has no room, before it is read.
    pub(super) fn check(&self, upload_bytes: usize) -> Result<(), ApiError> {
        self.check_room(&self.kept(), upload_bytes as u64 + EACH_BYTES)
    }

    fn check_room(&self, kept: &Kept, more_bytes: u64) -> Result<(), ApiError> {
        if kept.files.len() >= MOST_FILES {
            return Err(ApiError::files_full(format!("{MOST_FILES} files are here, and no more may be")));
        }
        let used = kept.files.iter().map(|file| file.bytes()).sum::<u64>();
        if used.saturating_add(more_bytes) > self.most_bytes {
            let (most, used, more) = (bytes(self.most_bytes), bytes(used), bytes(more_bytes));
            let message =
                format!("files and their texts have {most} at most; there are {used}, and this one has {more}");
            return Err(ApiError::files_full(message));
        }
        Ok(())
    }

    /// The file that is called `id`.
    pub(super) fn find(&self, id: &str) -> Option<Arc<KeptFile>> {
        self.kept().files.iter().find(|file| file.id == id).cloned()
    }

    /// Whether file `number` is still here.
    pub(super) fn has(&self, number: u64) -> bool {
        self.kept().files.iter().any(|file| file.number == number)
    }

    /// Deletes a file. Who asks about it just now gets an answer still.
    pub(super) fn delete(&self, id: &str) -> Result<Value, ApiError> {
        let mut kept = self.kept();
        let place = kept.files.iter().position(|file| file.id == id);
        kept.files.remove(place.ok_or_else(|| ApiError::no_such_file(id))?);
        Ok(json!({ "id": id, "object": "file", "deleted": true }))
    }

    /// A page of the files.
    ///
    /// Errors: `after` is not here.
    pub(super) fn list(&self, wanted: Wanted<'_>) -> Result<Value, ApiError> {
        let mut files = self.kept().files.clone();
        if !wanted.oldest_first {
            files.reverse();
        }
        let behind = match wanted.after {
            Some(id) => 1 + files.iter().position(|file| file.id == id).ok_or_else(|| ApiError::no_such_file(id))?,
            None => 0,
        };
        let is_wanted = |file: &&Arc<KeptFile>| wanted.purpose.is_none_or(|purpose| file.upload.purpose == purpose);
        let all: Vec<Value> = files[behind..].iter().filter(is_wanted).map(|file| file.to_json()).collect();
        let page = &all[..wanted.most.unwrap_or(all.len()).min(all.len())];
        let id = |file: Option<&Value>| file.map(|file| file["id"].clone());
        Ok(json!({
            "object": "list", "data": page, "first_id": id(page.first()), "last_id": id(page.last()),
            "has_more": page.len() < all.len(),
        }))
    }

    /// Hard to guess: hashes under keys from the system's random numbers.
    fn id_of(&self, number: u64) -> String {
        let half = |part: u64| {
            let mut hasher = self.secret.build_hasher();
            hasher.write_u64(number);
            hasher.write_u64(part);
            hasher.finish()
        };
        format!("{PREFIX}{:016x}{:08x}", half(0), half(1) >> 32)
    }

    /// Those that have not expired.
    fn kept(&self) -> MutexGuard<'_, Kept> {
        let mut kept = self.kept.lock().expect("nothing panics while it holds the lock");
        let now = now_s();
        kept.files.retain(|file| file.expires.is_none_or(|expires| now < expires));
        kept
    }
}

fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::{self, Input, ReadOptions};
    use crate::session::documents::Opened;

    fn upload(name: &str, bytes: usize) -> (Upload, Arc<DocumentSet>) {
        let content = "a".repeat(bytes).into_bytes();
        let input = Input::Memory { name: name.to_owned(), bytes: content.clone().into() };
        let whole = document::load(&[input], &ReadOptions::default(), &mut std::io::empty()).expect("a text");
        let set = DocumentSet::of(vec![name.to_owned()], Opened { whole, ..Opened::nothing() });
        let upload =
            Upload { filename: name.to_owned(), purpose: "user_data", content: content.into(), expires_after_s: None };
        (upload, set.into())
    }

    fn keep(files: &Files, name: &str, bytes: usize) -> Result<String, ApiError> {
        let (upload, set) = upload(name, bytes);
        files.keep(files.new_id(), upload, set, json!({})).map(|file| file.id.clone())
    }

    #[test]
    fn a_file_without_room_is_refused_until_another_is_deleted() {
        let files = Files::for_requests_of(10_000);
        let first = keep(&files, "a.txt", 20_000).expect("it has room");
        let refused = keep(&files, "b.txt", 20_000).expect_err("it has none");
        assert_eq!(
            (refused.status, refused.message.as_str()),
            (413, "files and their texts have 80.0 kB at most; there are 44.1 kB, and this one has 44.1 kB")
        );
        assert!(files.check(60_000).is_err() && files.check(20_000).is_ok(), "before its text is known");
        assert_eq!(files.delete(&first), Ok(json!({ "id": first, "object": "file", "deleted": true })));
        let second = keep(&files, "b.txt", 20_000).expect("it has room now");
        assert!(files.find(&first).is_none() && files.find(&second).is_some_and(|file| files.has(file.number)));
        assert_eq!(files.delete(&first).expect_err("it is gone").status, 404);
    }

    #[test]
    fn pages_of_files_begin_with_the_newest_unless_asked_otherwise() {
        let files = Files::for_requests_of(100_000);
        let ids: Vec<String> = ["a", "b", "c"].map(|name| keep(&files, name, 10).expect("it has room")).into();
        let page = |wanted| {
            let page = files.list(wanted).expect("a list");
            let names = page["data"].as_array().expect("a list").iter().map(|file| file["filename"].clone());
            let names: Vec<Value> = names.collect();
            (json!(names), page["has_more"].clone())
        };
        assert_eq!(page(Wanted::default()), (json!(["c", "b", "a"]), json!(false)));
        assert_eq!(page(Wanted { most: Some(2), ..Wanted::default() }), (json!(["c", "b"]), json!(true)));
        let rest = Wanted { after: Some(&ids[1]), most: Some(2), ..Wanted::default() };
        assert_eq!(page(rest), (json!(["a"]), json!(false)));
        assert_eq!(page(Wanted { oldest_first: true, ..rest }), (json!(["c"]), json!(false)));
        assert_eq!(page(Wanted { purpose: Some("assistants"), ..Wanted::default() }), (json!([]), json!(false)));
        assert_eq!(files.list(Wanted { after: Some("file-0"), ..rest }).expect_err("no such file").status, 404);
    }

    #[test]
    fn a_file_that_has_expired_is_gone() {
        let files = Files::for_requests_of(100_000);
        let (upload, set) = upload("a.txt", 10);
        let upload = Upload { expires_after_s: Some(0), ..upload };
        let file = files.keep(files.new_id(), upload, set, json!({})).expect("it has room");
        assert_eq!(file.to_json()["expires_at"], json!(file.created));
        assert!(files.find(&file.id).is_none() && !files.has(file.number));
    }

    #[test]
    fn ids_tell_nothing_about_each_other() {
        let files = Files::for_requests_of(100_000);
        let (one, other) = (files.id_of(0), files.id_of(1));
        assert!(
            one != other && one.len() == PREFIX.len() + 24 && one != Files::for_requests_of(1).id_of(0),
            "{one} {other}"
        );
    }
}
