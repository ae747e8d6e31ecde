//! Archives of files, from this machine or by URL.
//!
//! This file decides how much of an archive is read and which of them are refused: too large ones, and those whose paths
//! lead elsewhere. Nothing is ever unpacked onto the disk. It must not know what the files are for.

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use http::Uri;
use runbook_model::failure::{Failure, FailureClass};
use runbook_steps::archives::{Archives, PackedFile};
use runbook_steps::contract::Pending;
use tar::EntryType;

use crate::http::{Http, NoAnswer};

/// The largest archive, packed.
const MOST_PACKED: usize = 32 << 20;

/// The most that its files hold together.
const MOST_BYTES: u64 = 128 << 20;

/// The most files.
const MOST_FILES: usize = 10_000;

/// How long a download may take.
const LIMIT: Duration = Duration::from_secs(45);

/// How often a server may send on to another place; releases of GitHub do once.
const REDIRECTIONS: usize = 5;

/// The port.
pub(crate) struct RealArchives {
    http: Arc<Http>,
    /// The last download: a step that applies many objects opens its archive with every call.
    downloaded: Mutex<Option<(String, Bytes)>>,
}

impl RealArchives {
    pub(crate) fn new(http: Arc<Http>) -> Self {
        Self { http, downloaded: Mutex::default() }
    }

    async fn packed(&self, place: &str) -> Result<Bytes, Failure> {
        let scheme = place.split_once("://").map(|(scheme, _)| scheme);
        match scheme {
            None => {
                let path = place.to_owned();
                let read = tokio::task::spawn_blocking(move || file(&path)).await;
                read.map_err(|error| Failure::new(FailureClass::Unknown, error.to_string()))?
            }
            Some("http" | "https") => {
                if let Some((_, bytes)) = self.downloaded().as_ref().filter(|(url, _)| url == place) {
                    return Ok(bytes.clone());
                }
                let bytes = self.download(place).await?;
                *self.downloaded() = Some((place.to_owned(), bytes.clone()));
                Ok(bytes)
            }
            Some(other) => Err(invalid(place, &format!("`{other}://` is not fetched, only `https://` and `http://`"))),
        }
    }

    fn downloaded(&self) -> MutexGuard<'_, Option<(String, Bytes)>> {
        self.downloaded.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn download(&self, url: &str) -> Result<Bytes, Failure> {
        let mut place: Uri = url.parse().map_err(|error| invalid(url, &format!("that is no URL: {error}")))?;
        for _ in 0..=REDIRECTIONS {
            let answer = self.http.get(&place, LIMIT, MOST_PACKED).await.map_err(|why| unanswered(&place, &why))?;
            match answer.status {
                200 if answer.is_cut => return Err(too_large(url)),
                200 => return Ok(answer.body),
                301 | 302 | 303 | 307 | 308 => {
                    let to = answer.header("location").unwrap_or_default();
                    let next = redirected(&place, to).ok_or_else(|| {
                        invalid(url, &format!("the server sends on to `{to}`, which is not followed"))
                    })?;
                    place = next;
                }
                404 | 410 => {
                    let message = format!("there is no archive at `{place}`: the server answered {}", answer.status);
                    return Err(Failure::new(FailureClass::Missing, message));
                }
                401 | 403 => {
                    let message = format!("the server of `{place}` answered {}", answer.status);
                    return Err(Failure::new(FailureClass::Denied, message));
                }
                429 => {
                    return Err(Failure::new(FailureClass::Throttled, format!("the server of `{place}` answered 429")));
                }
                status => {
                    let message = format!("the server of `{place}` answered {status}");
                    return Err(Failure::new(FailureClass::Unavailable, message));
                }
            }
        }
        Err(invalid(url, "the server sends from place to place"))
    }
}

impl Archives for RealArchives {
    fn open<'a>(&'a self, place: &'a str) -> Pending<'a, Result<Vec<PackedFile>, Failure>> {
        Box::pin(async move {
            let packed = self.packed(place).await?;
            let place = place.to_owned();
            let read = tokio::task::spawn_blocking(move || unpack(&place, &packed)).await;
            read.map_err(|error| Failure::new(FailureClass::Unknown, error.to_string()))?
        })
    }
}

fn file(path: &str) -> Result<Bytes, Failure> {
    let unreadable = |error: &std::io::Error| {
        let class = match error.kind() {
            std::io::ErrorKind::NotFound => FailureClass::Missing,
            std::io::ErrorKind::PermissionDenied => FailureClass::Denied,
            _ => FailureClass::Invalid,
        };
        Failure::new(class, format!("the archive `{path}` cannot be read: {error}"))
    };
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(|error| unreadable(&error))?;
    file.take(MOST_PACKED as u64 + 1).read_to_end(&mut bytes).map_err(|error| unreadable(&error))?;
    if bytes.len() > MOST_PACKED { Err(too_large(path)) } else { Ok(bytes.into()) }
}

/// From `https` nobody is led to `http`.
fn redirected(from: &Uri, to: &str) -> Option<Uri> {
    let to: Uri = if to.starts_with('/') {
        format!("{}://{}{to}", from.scheme_str()?, from.authority()?).parse().ok()?
    } else {
        to.parse().ok()?
    };
    let stays_safe = from.scheme_str() != Some("https") || to.scheme_str() == Some("https");
    (stays_safe && matches!(to.scheme_str(), Some("http" | "https")) && to.host().is_some()).then_some(to)
}

fn unpack(place: &str, packed: &[u8]) -> Result<Vec<PackedFile>, Failure> {
    let plain: Box<dyn Read + '_> =
        if packed.starts_with(&[0x1f, 0x8b]) { Box::new(MultiGzDecoder::new(packed)) } else { Box::new(packed) };
    // One byte more than allowed tells that there is more.
    let mut archive = tar::Archive::new(plain.take(MOST_BYTES + 1));
    let unreadable = |error: std::io::Error| invalid(place, &format!("it is no `.tar` or `.tar.gz`: {error}"));
    let mut files = BTreeMap::new();
    let mut size = 0;
    for entry in archive.entries().map_err(unreadable)? {
        let mut entry = entry.map_err(unreadable)?;
        let path = String::from_utf8(entry.path_bytes().into_owned())
            .map_err(|_| invalid(place, "it holds a path that is no UTF-8"))?;
        match entry.header().entry_type() {
            EntryType::Regular | EntryType::Continuous => {}
            EntryType::Directory | EntryType::XGlobalHeader => continue,
            other => return Err(invalid(place, &format!("`{path}` in it is no file but {other:?}"))),
        }
        size += entry.size();
        if size > MOST_BYTES || files.len() == MOST_FILES {
            return Err(too_large(place));
        }
        let path = inner(&path).ok_or_else(|| invalid(place, &format!("its path `{path}` leads elsewhere")))?;
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).map_err(unreadable)?;
        if files.insert(path.clone(), bytes).is_some() {
            return Err(invalid(place, &format!("`{path}` stands in it twice")));
        }
    }
    if files.is_empty() {
        return Err(invalid(place, "it holds no file"));
    }
    Ok(files.into_iter().map(|(path, bytes)| PackedFile { path, bytes }).collect())
}

/// The path without `.` in it; nothing if it leads out of the archive.
fn inner(path: &str) -> Option<String> {
    if path.starts_with('/') || path.contains(['\\', '\0']) {
        return None;
    }
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    (!parts.is_empty() && !parts.contains(&"..")).then(|| parts.join("/"))
}

fn invalid(place: &str, words: &str) -> Failure {
    Failure::new(FailureClass::Invalid, format!("the archive `{place}` cannot be used: {words}"))
}

fn too_large(place: &str) -> Failure {
    let limits =
        format!("at most {} MiB packed, {} MiB and {MOST_FILES} files unpacked", MOST_PACKED >> 20, MOST_BYTES >> 20);
    invalid(place, &format!("it is too large ({limits})"))
}

fn unanswered(place: &Uri, why: &NoAnswer) -> Failure {
    let class = if matches!(why, NoAnswer::Late(_)) { FailureClass::Timeout } else { FailureClass::Unavailable };
    Failure::new(class, format!("the archive `{place}` cannot be fetched: {why}"))
        .help("check the network and its proxy, or fetch the archive elsewhere and name the file")
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;
    use crate::loopback::{Loopback, Reply};

    fn header(path: &str, size: usize, of_type: EntryType) -> tar::Header {
        let mut header = tar::Header::new_ustar();
        // Written by hand, for the library refuses to make bad paths.
        header.as_mut_bytes()[..path.len()].copy_from_slice(path.as_bytes());
        header.set_size(size as u64);
        header.set_mode(0o644);
        header.set_entry_type(of_type);
        header.set_cksum();
        header
    }

    fn packed(entries: &[(&str, &str)]) -> Vec<u8> {
        let mut tar = tar::Builder::new(Vec::new());
        for (path, text) in entries {
            tar.append(&header(path, text.len(), EntryType::Regular), text.as_bytes()).unwrap();
        }
        tar.into_inner().unwrap()
    }

    fn zipped(bytes: &[u8]) -> Vec<u8> {
        let mut gz = GzEncoder::new(Vec::new(), Compression::fast());
        gz.write_all(bytes).unwrap();
        gz.finish().unwrap()
    }

    #[test]
    fn files_come_by_path_packed_or_not() {
        let tar = packed(&[("./b/c.yaml", "two"), ("a.yaml", "one")]);
        for bytes in [tar.clone(), zipped(&tar)] {
            let files = unpack("x", &bytes).unwrap();
            let files: Vec<_> = files.iter().map(|file| (file.path.as_str(), file.bytes.as_slice())).collect();
            assert_eq!(files, [("a.yaml", &b"one"[..]), ("b/c.yaml", b"two")]);
        }
    }

    #[test]
    fn tricks_are_refused() {
        let mut link = tar::Builder::new(Vec::new());
        link.append(&header("passwd", 0, EntryType::Symlink), &[][..]).unwrap();
        let tar = packed(&[("a.yaml", "one")]);
        for (bytes, words) in [
            (packed(&[("../a", "x")]), "`../a` leads elsewhere"),
            (packed(&[("/etc/passwd", "x")]), "`/etc/passwd` leads elsewhere"),
            (packed(&[("a/../../b", "x")]), "leads elsewhere"),
            (packed(&[("a", "x"), ("./a", "y")]), "`a` stands in it twice"),
            (link.into_inner().unwrap(), "`passwd` in it is no file"),
            (packed(&[]), "it holds no file"),
            (b"no archive at all".to_vec(), "it is no `.tar`"),
            (zipped(&tar)[..40].to_vec(), "it is no `.tar`"),
            (tar[..600].to_vec(), "it is no `.tar`"),
        ] {
            let refused = unpack("x", &bytes).unwrap_err();
            assert_eq!(refused.class, FailureClass::Invalid);
            assert!(refused.message.contains(words), "{}", refused.message);
        }
    }

    #[test]
    fn a_bomb_is_too_large() {
        let mut tar = header("a", 1 << 30, EntryType::Regular).as_bytes().to_vec();
        tar.resize(1 << 20, 0);
        assert!(unpack("x", &zipped(&tar)).unwrap_err().message.contains("too large"));
    }

    #[test]
    fn nobody_is_led_from_safety() {
        let from: Uri = "https://a.example/x".parse().unwrap();
        assert_eq!(redirected(&from, "/y").unwrap(), "https://a.example/y");
        assert_eq!(redirected(&from, "https://b.example/z").unwrap(), "https://b.example/z");
        for to in ["http://a.example/x", "file:///etc/passwd", "", "ftp://x"] {
            assert_eq!(redirected(&from, to), None, "{to}");
        }
    }

    #[tokio::test]
    async fn a_file_or_a_server_that_sends_on() {
        let archives = RealArchives::new(Arc::new(Http::new()));
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.tar.gz");
        std::fs::write(&path, zipped(&packed(&[("a.yaml", "one")]))).unwrap();
        assert_eq!(archives.open(path.to_str().unwrap()).await.unwrap()[0].path, "a.yaml");
        let absent = archives.open("/nowhere/a.tar").await.unwrap_err();
        assert_eq!(absent.class, FailureClass::Missing);
        assert!(archives.open("ftp://x/a.tar").await.unwrap_err().message.contains("not fetched"));

        let tar = String::from_utf8(packed(&[("a.yaml", "one")])).unwrap();
        let server = Loopback::replying([
            Reply::Say(302, vec![("location", "/there".into())], String::new()),
            Reply::Say(200, Vec::new(), tar),
            Reply::Say(404, Vec::new(), String::new()),
            Reply::Say(503, Vec::new(), String::new()),
            Reply::Close,
        ])
        .await;
        let url = format!("{}/a.tar", server.url);
        for _ in 0..2 {
            assert_eq!(archives.open(&url).await.unwrap()[0].bytes, b"one");
        }
        assert_eq!(server.asked()[1].line, "GET /there");
        assert_eq!(server.asked().len(), 2, "it is fetched once");
        let url = format!("{}/b.tar", server.url);
        for class in [FailureClass::Missing, FailureClass::Unavailable, FailureClass::Unavailable] {
            assert_eq!(archives.open(&url).await.unwrap_err().class, class);
        }
    }
}
