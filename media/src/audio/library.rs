//! Sounds by name: tones made once, prompts loaded once, on a thread of their own.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use crossbeam::channel::{Receiver, Sender, bounded};
use rustc_hash::FxHashMap;
use smol_str::SmolStr;
use tandem_core::Tone;

use super::prompt::PromptError;
use super::{Clip, builtin, limits, prompt, tone};

/// A clip that is there, will be there, or never will. Readers look, they do not wait.
pub(crate) type Loading = Arc<OnceLock<Result<Arc<Clip>, String>>>;

/// What the switch can play.
pub(crate) struct Library {
    tones: FxHashMap<Tone, Arc<Clip>>,
    folder: Option<PathBuf>,
    prompts: FxHashMap<SmolStr, Kept>,
    clock: u64,
    loader: Option<Sender<Job>>,
    music: Option<Arc<Clip>>,
    /// When all music began to play.
    epoch: Instant,
}

struct Kept {
    clip: Loading,
    used: u64,
    asked: Instant,
}

struct Job {
    /// The tenant's file, if there is a folder.
    path: Option<PathBuf>,
    /// The built-in sound that plays where there is no file.
    builtin: Option<SmolStr>,
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
            music: None,
            epoch: Instant::now(),
        }
    }

    /// When all music began to play: everybody hears it at the place where it is by now.
    pub(crate) fn epoch(&self) -> Instant {
        self.epoch
    }

    /// A tenant's music, and what plays where it has none.
    pub(crate) fn music(&mut self, name: &SmolStr) -> Result<(Loading, Arc<Clip>), &'static str> {
        let music = self.find(name, limits::MUSIC_RETRY)?;
        let fallback = match &self.music {
            Some(clip) => Arc::clone(clip),
            // Milliseconds, once.
            None => match builtin::clip(builtin::MUSIC) {
                Some(Ok(clip)) => Arc::clone(self.music.insert(Arc::new(clip))),
                _ => return Err("there is no built-in music"),
            },
        };
        Ok((music, fallback))
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

    /// A prompt: `name` or `folder/name`, without extension, where the last may be a built-in one (`@en/20`, `acme/@en/20`): its
    /// file, or else the built-in sound. Loaded in the background if it is not here yet; one that failed is tried again, so
    /// that a file that was put right is heard.
    pub(crate) fn prompt(&mut self, name: &SmolStr) -> Result<Loading, &'static str> {
        self.find(name, Duration::ZERO)
    }

    fn find(&mut self, name: &SmolStr, retry: Duration) -> Result<Loading, &'static str> {
        if !is_name(name) {
            return Err("a name is `name` or `folder/name` of letters, digits, `-`, `_` and inner dots, or a built-in one");
        }
        let builtin = name.find('@').and_then(|at| name.get(at..)).filter(|name| builtin::exists(name)).map(SmolStr::new);
        if self.folder.is_none() && builtin.is_none() {
            return Err("no prompt folder is configured");
        }
        self.clock += 1;
        // A file may have been replaced: after a while it is read again.
        let fresh = |kept: &&mut Kept| {
            let age = kept.asked.elapsed();
            if matches!(kept.clip.get(), Some(Err(_))) { age < retry } else { age < limits::PROMPT_FRESH }
        };
        if let Some(kept) = self.prompts.get_mut(name).filter(fresh) {
            kept.used = self.clock;
            return Ok(Arc::clone(&kept.clip));
        }
        let path = self.folder.as_ref().map(|folder| folder.join(format!("{name}.wav")));
        let job = Job { path, builtin, clip: Loading::default() };
        let clip = Arc::clone(&job.clip);
        self.load(job)?;
        self.make_room();
        self.prompts.insert(name.clone(), Kept { clip: Arc::clone(&clip), used: self.clock, asked: Instant::now() });
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
    let mut builtins = FxHashMap::default();
    for job in jobs {
        let loaded = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| load(&job, &mut builtins)))
            .unwrap_or_else(|_| Err(format!("{:?}: the reader failed on this file", job.path)));
        if let Err(error) = &loaded {
            tracing::warn!(%error, "prompt not loaded");
        }
        // The only writer of this cell.
        let _ = job.clip.set(loaded);
    }
}

/// The tenant's file before the built-in sound; tenants without one share the latter. A file that is there but no good is an
/// error: somebody meant it to be heard.
fn load(job: &Job, builtins: &mut FxHashMap<SmolStr, Arc<Clip>>) -> Result<Arc<Clip>, String> {
    let file = job.path.as_deref().map(prompt::load);
    match (file, &job.builtin) {
        (Some(Ok(clip)), _) => Ok(Arc::new(clip)),
        (Some(Err(PromptError::Unreadable { error, .. })), Some(name)) if error.kind() == std::io::ErrorKind::NotFound => {
            shared(name, builtins)
        }
        (Some(Err(error)), _) => Err(error.to_string()),
        (None, Some(name)) => shared(name, builtins),
        (None, None) => Err("no prompt folder is configured".to_owned()),
    }
}

fn shared(name: &SmolStr, builtins: &mut FxHashMap<SmolStr, Arc<Clip>>) -> Result<Arc<Clip>, String> {
    if let Some(clip) = builtins.get(name) {
        return Ok(Arc::clone(clip));
    }
    let clip = Arc::new(builtin::clip(name).ok_or_else(|| format!("there is no built-in {name}"))??);
    builtins.insert(name.clone(), Arc::clone(&clip));
    Ok(clip)
}

/// A tenant's folder, a built-in folder, a name: so that none leaves the folder.
fn is_name(name: &str) -> bool {
    let part = |part: &str| {
        let part = part.strip_prefix('@').unwrap_or(part);
        !part.is_empty()
            && !part.starts_with('.')
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
    };
    let depth = if name.contains('@') { 3 } else { 2 };
    name.len() <= limits::PROMPT_NAME && name.split('/').count() <= depth && name.split('/').all(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_never_leaves_the_folder() {
        for good in ["welcome", "acme/welcome_2", "a.b", "@en/20", "acme/@en/20", "acme/@music"] {
            assert!(is_name(good), "{good}");
        }
        for bad in
            ["", "../x", "/etc/passwd", "a/../b", "a//b", "a/b/c", "a/@b/c/d", "@", "a/@../b", "@.x", "a@b", ".hidden", "a b", "a\0b"]
        {
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

    fn loaded(loading: &Loading) -> &Result<Arc<Clip>, String> {
        for _ in 0..2000 {
            if let Some(loaded) = loading.get() {
                return loaded;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        panic!("never loaded")
    }

    #[test]
    fn a_file_of_the_tenant_takes_the_place_of_a_built_in_prompt() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("acme/@en")).unwrap();
        let spec = hound::WavSpec { channels: 1, sample_rate: 8000, bits_per_sample: 16, sample_format: hound::SampleFormat::Int };
        let mut writer = hound::WavWriter::create(folder.path().join("acme/@en/20.wav"), spec).unwrap();
        (0..1600).for_each(|_| writer.write_sample(99i16).unwrap());
        writer.finalize().unwrap();
        let mut library = Library::new(Some(folder.path().to_owned()));
        let [own, shared, again] = ["acme/@en/20", "other/@en/20", "third/@en/20"].map(|name| library.prompt(&name.into()).unwrap());
        assert_eq!(loaded(&own).as_ref().unwrap().frames(), 10);
        let shared = loaded(&shared).as_ref().unwrap();
        assert!(shared.frames() > 10 && Arc::ptr_eq(shared, loaded(&again).as_ref().unwrap()), "kept once for all");
        let none = library.prompt(&"acme/@en/none".into()).unwrap();
        assert!(loaded(&none).as_ref().unwrap_err().contains("acme/@en/none.wav"));
    }

    #[test]
    fn without_a_folder_there_is_what_is_built_in() {
        let mut library = Library::new(None);
        assert!(loaded(&library.prompt(&"acme/@zh/10".into()).unwrap()).is_ok());
        assert!(library.prompt(&"acme/welcome".into()).is_err());
        let (music, _) = library.music(&"acme/@music".into()).unwrap();
        assert!(loaded(&music).is_ok());
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
