//! Sounds by name: tones made once, prompts loaded once, on a thread of their own.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use crossbeam::channel::{Receiver, Sender, bounded};
use rustc_hash::FxHashMap;
use smol_str::SmolStr;
use tandem_core::Tone;

use super::{Clip, limits, prompt, tone};

/// A clip that is there, will be there, or never will. Readers look, they do not wait.
pub(crate) type Loading = Arc<OnceLock<Result<Arc<Clip>, String>>>;

/// What the switch can play.
pub(crate) struct Library {
    tones: FxHashMap<Tone, Arc<Clip>>,
    folder: Option<PathBuf>,
    prompts: FxHashMap<SmolStr, Kept>,
    clock: u64,
    loader: Option<Sender<Job>>,
}

struct Kept {
    clip: Loading,
    used: u64,
}

struct Job {
    path: PathBuf,
    clip: Loading,
}

impl Library {
    pub(crate) fn new(folder: Option<PathBuf>) -> Library {
        let tones = [Tone::Ringback, Tone::Busy, Tone::Congestion, Tone::Hold];
        Library {
            tones: tones.into_iter().map(|tone| (tone, Arc::new(tone::clip(tone)))).collect(),
            folder,
            prompts: FxHashMap::default(),
            clock: 0,
            loader: None,
        }
    }

    /// A tone, made at its first use.
    pub(crate) fn tone(&mut self, tone: Tone) -> Arc<Clip> {
        if let Some(clip) = self.tones.get(&tone) {
            return Arc::clone(clip);
        }
        if self.tones.len() >= limits::SINES {
            self.tones.retain(|tone, _| !matches!(tone, Tone::Sine(_)));
        }
        Arc::clone(self.tones.entry(tone).or_insert_with(|| Arc::new(tone::clip(tone))))
    }

    /// A prompt: `name` or `folder/name`, without extension. Loaded in the background if it is not here yet; one that
    /// failed is tried again, so that a file that was put right is heard.
    pub(crate) fn prompt(&mut self, name: &SmolStr) -> Result<Loading, &'static str> {
        let folder = self.folder.as_ref().ok_or("no prompt folder is configured")?;
        if !is_name(name) {
            return Err("a name is `name` or `folder/name` of letters, digits, `-`, `_` and inner dots");
        }
        self.clock += 1;
        if let Some(kept) = self.prompts.get_mut(name).filter(|kept| !matches!(kept.clip.get(), Some(Err(_)))) {
            kept.used = self.clock;
            return Ok(Arc::clone(&kept.clip));
        }
        let job = Job { path: folder.join(format!("{name}.wav")), clip: Loading::default() };
        let clip = Arc::clone(&job.clip);
        self.load(job)?;
        self.make_room();
        self.prompts.insert(name.clone(), Kept { clip: Arc::clone(&clip), used: self.clock });
        Ok(clip)
    }

    fn load(&mut self, job: Job) -> Result<(), &'static str> {
        if self.loader.is_none() {
            let (sender, jobs) = bounded(limits::PROMPT_QUEUE);
            let started = std::thread::Builder::new().name("rtp-prompts".into()).spawn(move || serve(&jobs));
            started.map_err(|_| "the loader could not be started")?;
            self.loader = Some(sender);
        }
        let loader = self.loader.as_ref().ok_or("the loader is gone")?;
        loader.try_send(job).map_err(|_| "too many prompts wait to be loaded")
    }

    /// Lets go of the prompts that were not used for longest until one more fits.
    fn make_room(&mut self) {
        loop {
            let bytes: usize = self.prompts.values().filter_map(|kept| kept.clip.get()?.as_ref().ok()).map(|clip| clip.bytes()).sum();
            if self.prompts.len() < limits::PROMPTS && bytes < limits::PROMPT_CACHE {
                return;
            }
            let oldest = self.prompts.iter().min_by_key(|(_, kept)| kept.used).map(|(name, _)| name.clone());
            let Some(oldest) = oldest else { return };
            self.prompts.remove(&oldest);
        }
    }
}

/// Loads one after the other until the library is gone.
fn serve(jobs: &Receiver<Job>) {
    for job in jobs {
        let loaded = std::panic::catch_unwind(|| prompt::load(&job.path).map(Arc::new).map_err(|error| error.to_string()))
            .unwrap_or_else(|_| Err(format!("{}: the reader failed on this file", job.path.display())));
        if let Err(error) = &loaded {
            tracing::warn!(%error, "prompt not loaded");
        }
        // The only writer of this cell.
        let _ = job.clip.set(loaded);
    }
}

/// One or two parts, so that no name leaves the folder.
fn is_name(name: &str) -> bool {
    let part = |part: &str| {
        !part.is_empty()
            && !part.starts_with('.')
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
    };
    name.len() <= limits::PROMPT_NAME && name.split('/').count() <= 2 && name.split('/').all(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_never_leaves_the_folder() {
        for good in ["welcome", "acme/welcome_2", "a.b"] {
            assert!(is_name(good), "{good}");
        }
        for bad in ["", "../x", "/etc/passwd", "a/../b", "a//b", "a/b/c", ".hidden", "a b", "a\0b"] {
            assert!(!is_name(bad), "{bad}");
        }
    }

    #[test]
    fn sines_are_kept_up_to_their_bound() {
        let mut library = Library::new(None);
        (1..1000).for_each(|hz| drop(library.tone(Tone::Sine(hz))));
        assert!(library.tones.len() <= limits::SINES);
        assert!(Arc::ptr_eq(&library.tone(Tone::Busy), &library.tone(Tone::Busy)));
    }

    #[test]
    fn prompts_are_kept_up_to_their_bound() {
        let folder = tempfile::tempdir().unwrap();
        let mut library = Library::new(Some(folder.path().to_owned()));
        for n in 0..limits::PROMPTS + 50 {
            while library.prompt(&SmolStr::new(format!("p{n}"))).is_err() {
                std::thread::yield_now();
            }
        }
        assert_eq!(library.prompts.len(), limits::PROMPTS);
    }
}
