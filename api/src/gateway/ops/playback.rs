//! Playing recordings to the agent's phone (cc-gateway.md §2.8).

use smol_str::SmolStr;
use tandem_core::AgentWish;

use crate::gateway::answer::{Answer, Failure, Outcome};
use crate::gateway::codes::Code;
use crate::gateway::refusal::Wished;
use crate::gateway::render;
use crate::gateway::serve::Call;

async fn done(call: Call, wished: Wished, wish: AgentWish) -> Outcome {
    call.wish(wished, wish).await?;
    Ok(Answer::reserved())
}

/// `PUT …/play` and `POST …/netplay`.
pub(in crate::gateway) async fn play(call: Call) -> Outcome {
    let name = call.params.needed("voicepath", 100)?;
    let from = call.params.int("startpostion")?.unwrap_or(0);
    let times = call.params.int("times")?.unwrap_or(1);
    let from = u64::try_from(from).ok().filter(|from| *from <= 86_400);
    let from = from.ok_or_else(|| Failure::new(Code::BadParameter, "startpostion is not 0 to 86400 s"))?;
    let times = u16::try_from(times).ok().filter(|times| (1..=100).contains(times));
    let times = times.ok_or_else(|| Failure::new(Code::BadParameter, "times is not 1 to 100"))?;
    let path = call.read(|tenant| {
        let stem = render::path_of_file(tenant, &name)?;
        let format = tenant.settings().map(|settings| settings.recording_format).unwrap_or_default();
        Some((stem, format))
    })?;
    let (stem, format) = path.ok_or_else(|| Failure::new(Code::BadParameter, "voicepath is not the fileName of a recording"))?;
    // Recordings made before the format was changed have the other extension.
    let path = super::download::existing(&call, &stem).await.unwrap_or_else(|| format!("{stem}.{}", format.extension()));
    done(call, Wished::Play, AgentWish::Play { path: SmolStr::new(path), from_ms: from * 1000, times }).await
}

/// `POST …/pauseplay`.
pub(in crate::gateway) async fn pause(call: Call) -> Outcome {
    done(call, Wished::PausePlay, AgentWish::PausePlay).await
}

/// `POST …/resumeplay`.
pub(in crate::gateway) async fn resume(call: Call) -> Outcome {
    done(call, Wished::ResumePlay, AgentWish::ResumePlay).await
}

/// Seconds of the path, in milliseconds.
fn jump(call: &Call) -> Result<i64, Failure> {
    let seconds = call.params.path_int("time")?;
    if (1..=86_400).contains(&seconds) { Ok(seconds * 1000) } else { Err(Failure::new(Code::BadParameter, "time is not 1 to 86400 s")) }
}

/// `POST …/forefast/{time}`.
pub(in crate::gateway) async fn forward(call: Call) -> Outcome {
    let by = jump(&call)?;
    done(call, Wished::Forward, AgentWish::JumpPlay(by)).await
}

/// `POST …/backfast/{time}`.
pub(in crate::gateway) async fn back(call: Call) -> Outcome {
    let by = jump(&call)?;
    done(call, Wished::Rewind, AgentWish::JumpPlay(-by)).await
}

/// `DELETE …/stopplay`.
pub(in crate::gateway) async fn stop(call: Call) -> Outcome {
    done(call, Wished::StopPlay, AgentWish::StopPlay).await
}
