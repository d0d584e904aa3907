//! What a leg hears that comes from no other leg: tones, prompts, music, recordings. One frame per tick.

use std::sync::Arc;
use std::time::Instant;

use smol_str::SmolStr;

use super::limits;
use crate::audio::library::Loading;
use crate::audio::stream::{Next, Stream};
use crate::audio::{Clip, FRAME, Law};

/// What a player has for this tick.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Played {
    /// The frame is written.
    Frame,
    /// Not loaded yet.
    Waiting,
    Ended,
    Failed(String),
}

/// Something at some point of being played.
#[derive(Debug)]
pub(crate) struct Player {
    track: Track,
    /// What its end is reported for; a tone's is not.
    name: Option<SmolStr>,
}

#[derive(Debug)]
enum Track {
    /// Clips one after the other, joined sample by sample.
    Clips {
        clips: Box<[Loading]>,
        repeat: bool,
        /// Which clip, and which sample of it, comes next.
        clip: usize,
        sample: usize,
    },
    /// A clip that goes round by the clock, whoever listens.
    Music { clip: Loading, fallback: Arc<Clip>, epoch: Instant, next: Option<usize> },
    /// Read from a file while it plays.
    Stream(Arc<Stream>),
}

impl Player {
    pub(crate) fn tone(clip: Arc<Clip>, repeat: bool) -> Player {
        Player { track: Track::clips(Box::new([Arc::new(Ok(clip).into())]), repeat), name: None }
    }

    /// Begins when all are loaded, so that no gap opens later; if one can't be, none is heard: half a sentence says the wrong
    /// thing.
    pub(crate) fn prompts(clips: Vec<(SmolStr, Loading)>, repeat: bool) -> Player {
        let name = clips.iter().map(|(name, _)| name.clone()).next().unwrap_or_default();
        Player { track: Track::clips(clips.into_iter().map(|(_, clip)| clip).collect(), repeat), name: Some(name) }
    }

    pub(crate) fn music(clip: Loading, fallback: Arc<Clip>, epoch: Instant) -> Player {
        Player { track: Track::Music { clip, fallback, epoch, next: None }, name: None }
    }

    pub(crate) fn recording(path: SmolStr, stream: Arc<Stream>) -> Player {
        Player { track: Track::Stream(stream), name: Some(path) }
    }

    /// Name of the prompt (of a sequence the first), if its end is worth a report.
    pub(super) fn name(&self) -> Option<SmolStr> {
        self.name.clone()
    }

    /// Writes the frame of this tick, `skipped` ticks after the one before.
    pub(super) fn next(&mut self, now: Instant, skipped: u32, law: Law, out: &mut [u8; FRAME]) -> Played {
        match &mut self.track {
            Track::Clips { clips, repeat, clip, sample } => {
                if let Some(error) = clips.iter().find_map(|clip| clip.get()?.as_ref().err()) {
                    return Played::Failed(error.clone());
                }
                if clips.iter().any(|clip| clip.get().is_none()) {
                    return Played::Waiting;
                }
                let filled = fill(clips, *repeat, clip, sample, law, out);
                if filled == 0 {
                    return Played::Ended;
                }
                out.iter_mut().skip(filled).for_each(|code| *code = law.silence());
                Played::Frame
            }
            Track::Music { clip, fallback, epoch, next } => {
                let clip = match clip.get() {
                    None => return Played::Waiting,
                    Some(Ok(clip)) => clip,
                    Some(Err(_)) => fallback,
                };
                let ticks = now.saturating_duration_since(*epoch).as_micros() / limits::TICK.as_micros();
                let place = next.map_or(ticks as usize, |next| next.wrapping_add(skipped as usize)) % clip.frames().max(1);
                *next = Some(place + 1);
                let Some(frame) = clip.frame(law, place) else { return Played::Ended };
                out.copy_from_slice(frame);
                Played::Frame
            }
            Track::Stream(stream) => {
                let mut samples = [0; FRAME];
                match stream.next(&mut samples) {
                    Next::Frame => {
                        out.iter_mut().zip(samples).for_each(|(code, sample)| *code = law.encode(sample));
                        Played::Frame
                    }
                    Next::Waiting => Played::Waiting,
                    Next::Ended => Played::Ended,
                    Next::Failed(error) => Played::Failed(error),
                }
            }
        }
    }
}

impl Track {
    fn clips(clips: Box<[Loading]>, repeat: bool) -> Track {
        Track::Clips { clips, repeat, clip: 0, sample: 0 }
    }
}

/// Writes as much of the frame as there is; goes on in the next clip in the middle of it.
fn fill(clips: &[Loading], repeat: bool, at: &mut usize, sample: &mut usize, law: Law, out: &mut [u8; FRAME]) -> usize {
    let sound = |place: usize| clips.get(place).and_then(|clip| clip.get()?.as_ref().ok()).map_or(&[][..], |clip| clip.codes(law));
    let nothing = clips.iter().enumerate().all(|(place, _)| sound(place).is_empty());
    let mut filled = 0;
    while filled < FRAME && !nothing {
        if *at >= clips.len() {
            if !repeat {
                break;
            }
            *at = 0;
        }
        let left = sound(*at).get(*sample..).unwrap_or_default();
        let room = out.get_mut(filled..).unwrap_or_default();
        let count = left.len().min(room.len());
        room.iter_mut().zip(left).for_each(|(to, from)| *to = *from);
        filled += count;
        *sample += count;
        if count == left.len() {
            (*at, *sample) = (*at + 1, 0);
        }
    }
    filled
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn clip(value: i16, samples: usize) -> Loading {
        Arc::new(Ok(Arc::new(Clip::new(&vec![value; samples]))).into())
    }

    fn sequence(clips: &[Loading], repeat: bool) -> Player {
        Player::prompts(clips.iter().map(|clip| ("x".into(), Arc::clone(clip))).collect(), repeat)
    }

    /// Plays so many ticks at most; the sound, and how it ended.
    fn play(player: &mut Player, ticks: usize) -> (Vec<i16>, Played) {
        let (mut sound, mut frame) = (Vec::new(), [0; FRAME]);
        for _ in 0..ticks {
            match player.next(Instant::now(), 0, Law::A, &mut frame) {
                Played::Frame => sound.extend(frame.map(|code| Law::A.decode(code))),
                other => return (sound, other),
            }
        }
        (sound, Played::Frame)
    }

    fn level(value: i16) -> i16 {
        Law::A.decode(Law::A.encode(value))
    }

    #[test]
    fn prompts_of_a_sequence_join_in_the_middle_of_a_frame() {
        let mut player = sequence(&[clip(1000, 250), clip(2000, 70), clip(3000, 161)], false);
        let (sound, end) = play(&mut player, 100);
        let mut wanted = [vec![level(1000); 250], vec![level(2000); 70], vec![level(3000); 161]].concat();
        wanted.resize(4 * FRAME, level(0));
        assert_eq!((sound, end), (wanted, Played::Ended));
    }

    #[test]
    fn a_sequence_that_repeats_has_no_gap_at_its_seam() {
        let mut player = sequence(&[clip(1000, 100), clip(2000, 30)], true);
        let (sound, _) = play(&mut player, 13);
        let wanted = [vec![level(1000); 100], vec![level(2000); 30]].concat();
        assert_eq!(sound, wanted.repeat(16));
    }

    #[test]
    fn a_sequence_waits_for_all_and_fails_as_a_whole() {
        let late = Loading::default();
        let mut player = sequence(&[clip(1000, 160), Arc::clone(&late)], false);
        assert_eq!(play(&mut player, 5), (vec![], Played::Waiting));
        late.set(Err("gone".to_owned())).unwrap();
        assert_eq!(play(&mut player, 5), (vec![], Played::Failed("gone".to_owned())));
        assert_eq!(play(&mut sequence(&[], true), 5), (vec![], Played::Ended));
    }

    #[test]
    fn music_is_where_the_clock_says_for_everybody() {
        let steps: Vec<i16> = (0..50).flat_map(|n| [n * 500; FRAME]).collect();
        let music: Loading = Arc::new(Ok(Arc::new(Clip::new(&steps))).into());
        let epoch = Instant::now();
        let at = |player: &mut Player, ms: u64, skipped: u32| {
            let mut frame = [0; FRAME];
            assert_eq!(player.next(epoch + Duration::from_millis(ms), skipped, Law::A, &mut frame), Played::Frame);
            Law::A.decode(frame[0])
        };
        let new = || Player::music(Arc::clone(&music), Arc::new(Clip::new(&[9; FRAME])), epoch);
        let (mut first, mut second) = (new(), new());
        assert_eq!(at(&mut first, 101, 0), level(5 * 500));
        assert_eq!(at(&mut first, 119, 0), level(6 * 500), "a tick that comes early is the next one all the same");
        assert_eq!(at(&mut first, 181, 2), level(9 * 500), "a stall is skipped");
        assert_eq!(at(&mut second, 1000 + 181, 0), level(9 * 500), "round after a second");
        let broken: Loading = Arc::new(Err("no file".to_owned()).into());
        let mut fallback = Player::music(broken, Arc::new(Clip::new(&[4000; FRAME])), epoch);
        assert_eq!(at(&mut fallback, 500, 0), level(4000));
    }
}
