//! The demo's agents: they sign in, take calls with phones that answer by themselves, rest now and then, and sign out at the end.
//!
//! They wish what agents' programs wish, by the same commands. What they do by chance comes from one seed.

use std::sync::Arc;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tandem_core::agent::{AgentPhone, Mode, SignIn, SignOutReason};
use tandem_core::{AgentWish, Command, TenantId, UserName, WorkNumber};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

use super::limits;
use crate::door::Commands;
use crate::view::Views;

/// Somebody who works in the demo.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SimAgent {
    /// Its work number.
    pub number: WorkNumber,
    /// Its phone.
    pub phone: UserName,
}

/// Agents at work. [`Shift::end`] sends them home.
#[derive(Debug)]
pub struct Shift {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Shift {
    /// Signs everybody in, as soon as their phones are registered.
    pub fn begin(commands: Arc<dyn Commands>, views: Arc<Views>, tenant: TenantId, agents: Vec<SimAgent>, seed: u64) -> Shift {
        let (stop, stopped) = watch::channel(false);
        let floor = Floor { commands, views, tenant, agents, random: StdRng::seed_from_u64(seed) };
        Shift { stop, task: tokio::spawn(floor.work(stopped)) }
    }

    /// Signs everybody out.
    pub async fn end(self) {
        self.stop.send_replace(true);
        let _ = tokio::time::timeout(limits::GOODBYE, self.task).await;
    }
}

struct Floor {
    commands: Arc<dyn Commands>,
    views: Arc<Views>,
    tenant: TenantId,
    agents: Vec<SimAgent>,
    random: StdRng,
}

/// What an agent is about to do.
enum Next {
    SignIn,
    Wish(AgentWish),
    Nothing,
}

impl Floor {
    async fn work(mut self, mut stopped: watch::Receiver<bool>) {
        loop {
            for agent in self.agents.clone() {
                self.turn(&agent).await;
            }
            if tokio::time::timeout(limits::SHIFT_TURN, stopped.wait_for(|stop| *stop)).await.is_ok() {
                break;
            }
        }
        for agent in self.agents.clone() {
            self.wish(&agent, AgentWish::SignOut(SignOutReason::Asked)).await;
        }
    }

    async fn turn(&mut self, agent: &SimAgent) {
        match self.next(agent) {
            Next::SignIn => self.wish(agent, AgentWish::SignIn(sign_in(agent))).await,
            Next::Wish(wish) => self.wish(agent, wish).await,
            Next::Nothing => {}
        }
    }

    fn next(&mut self, agent: &SimAgent) -> Next {
        let seen = self.views.mirror.read(&self.tenant, |tenant| {
            (tenant.session(agent.number).map(|session| (session.mode, session.calls.is_empty())), tenant.bindings(&agent.phone).is_empty())
        });
        match seen {
            None => Next::Nothing,
            Some((None, unreachable)) => {
                if unreachable {
                    Next::Nothing
                } else {
                    Next::SignIn
                }
            }
            // One in a hundred turns: about every three minutes of being ready.
            Some((Some((Mode::Ready, true)), _)) if self.random.random_ratio(1, 100) => {
                Next::Wish(AgentWish::Rest { cause: 1, seconds: self.random.random_range(15..40) })
            }
            Some((Some((Mode::Rest { until, .. }, _)), _)) if until <= super::now() => Next::Wish(AgentWish::EndRest),
            // A phone that rang in vain made it busy: back to work after a while.
            Some((Some((Mode::NotReady { .. }, _)), _)) if self.random.random_ratio(1, 6) => Next::Wish(AgentWish::Ready),
            Some(_) => Next::Nothing,
        }
    }

    async fn wish(&self, agent: &SimAgent, wish: AgentWish) {
        let (told, answer) = oneshot::channel();
        let command = Command::Agent { agent: agent.number, wish };
        if self.commands.request(&self.tenant, command, Box::new(move |result| drop(told.send(result)))).is_err() {
            return;
        }
        if let Ok(Ok(Err(refusal))) = tokio::time::timeout(Duration::from_secs(2), answer).await {
            tracing::debug!(agent = %agent.number, %refusal, "a demo agent's wish was refused");
        }
    }
}

fn sign_in(agent: &SimAgent) -> SignIn {
    SignIn {
        phone: AgentPhone::Softphone(agent.phone.clone()),
        auto_answer: true,
        // Wrap-up is seen on the boards.
        auto_ready: false,
        keep_phone: false,
        mode: Mode::Ready,
        skills: None,
        watches: false,
        force: true,
    }
}
