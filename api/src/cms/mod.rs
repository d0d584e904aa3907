//! CC-CMS: monitoring, statistics and call queries as their published wire format says (reference: cc-cms.md). Every operation
//! is a POST with a JSON body, signed with the tenant's AK and SK (scheme C2).
//!
//! Real time comes from the mirror of the tenant, history from the settlement of five minutes. What the reference does not
//! describe is left out: members, or, where nothing of an answer is known, the answer (code 0100001 says so).
//!
//! | file | subject |
//! |---|---|
//! | `args` | what a body may hold, leniently |
//! | `envelope` | how answers and failures look |
//! | `agent`, `queue` | real time |
//! | `calls` | calls, agents' operations, daily reports |
//! | `history` | history indicators |
//! | `callid` | call ids on the wire |

mod agent;
mod args;
mod callid;
mod calls;
mod envelope;
mod history;
mod queue;

#[cfg(test)]
mod tests;

use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde_json::json;
use tandem_core::tenant::Tenant;
use tandem_core::{TenantId, Timestamp};

use self::args::Args;
use self::envelope::{Answer, Failure};
use crate::auth::signature::{self, Verified};
use crate::http::AppState;

/// Media type of an ordinary voice call (cc-fs.md 5.3).
const VOICE: u8 = 5;

/// An operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Op {
    AgentDynamicInfo,
    AgentAbstract,
    AgentStates,
    AgentsByStatus,
    FlowCalls,
    FlowNumbers,
    CallsV1,
    CallsV2,
    Queues,
    TenantNow,
    QueueNow,
    ServiceQuality,
    Undescribed,
    QueueConfiguration,
    QueueAgents,
    QueueAgentsConfigured,
    QueuesAgents,
    AgentStatus,
    Team,
    AgentCalls,
    AgentOperations,
    BasicCall,
    DetailCall,
    TenantHistory,
    QueueHistory,
    AgentHistory,
    QueueDays,
    AgentDays,
    Tasks,
    Task,
    Missed,
    DailyOutbound,
    Ping,
}

/// Where each operation is: every row of the reference's list.
const ROUTES: &[(&str, Op)] = &[
    ("/rest/cmsapp/v1/openapi/vdn/totalagentdynamicinfo", Op::AgentDynamicInfo),
    ("/rest/cmsapp/v1/openapi/vdn/totalagentabstractex3", Op::AgentAbstract),
    ("/rest/cmsapp/v1/openapi/vdn/totalagentstate", Op::AgentStates),
    ("/rest/cmsapp/v1/openapi/vdn/queryAgentByStatus", Op::AgentsByStatus),
    ("/rest/cmsapp/v1/openapi/vdn/queryivrstatusinfo", Op::FlowCalls),
    ("/rest/cmsapp/v1/openapi/vdn/queryivrprocessinnoinfo", Op::FlowNumbers),
    ("/rest/cmsapp/v1/openapi/vdn/querycalls", Op::CallsV1),
    ("/rest/cmsapp/v1/openapi/configures/skills", Op::Queues),
    ("/rest/cmsapp/v1/openapi/rindex/vdn", Op::TenantNow),
    ("/rest/cmsapp/v1/openapi/skill/rindex", Op::QueueNow),
    ("/rest/cmsapp/v1/openapi/skill/servicequality", Op::ServiceQuality),
    ("/rest/cmsapp/v1/openapi/skill/currentcallstateinfo", Op::Undescribed),
    ("/rest/cmsapp/v1/openapi/skill/stateinfo", Op::Undescribed),
    ("/rest/cmsapp/v1/openapi/skill/skillcfginfo", Op::QueueConfiguration),
    ("/rest/cmsapp/v1/openapi/skill/agentbyconfigedskill", Op::QueueAgents),
    ("/rest/cmsapp/v1/openapi/agentgroup/agentbyconfigedskill", Op::QueueAgentsConfigured),
    ("/rest/cmsapp/v1/openapi/realindex/agent/agentsinskill", Op::QueuesAgents),
    ("/rest/cmsapp/v1/openapi/agentgroup/siteagentcallandskillinfobyagentids", Op::Undescribed),
    ("/rest/cmsapp/v1/openapi/agentgroup/agentstatusinfobyagentids", Op::AgentStatus),
    ("/rest/cmsapp/v1/openapi/agentgroup/teamagentstatusinfo", Op::Team),
    ("/rest/cmsapp/v1/openapi/agentgroup/systemstate", Op::Undescribed),
    ("/rest/cmsapp/v1/openapi/agentgroup/queryagentcalls", Op::AgentCalls),
    ("/rest/cmsapp/v1/openapi/agent/agentoprinfo", Op::AgentOperations),
    ("/rest/cmsapp/v1/openapi/calldata/querybasiccallinfo", Op::BasicCall),
    ("/rest/cmsapp/v1/openapi/calldata/querydetailcallinfo", Op::DetailCall),
    ("/rest/cmsapp/v1/openapi/hisindex/vdn", Op::TenantHistory),
    ("/rest/cmsapp/v1/openapi/hisindex/skill", Op::QueueHistory),
    ("/rest/cmsapp/v1/openapi/hisindex/agent", Op::AgentHistory),
    ("/rest/cmsapp/v1/openapi/hisindex/ivr", Op::Undescribed),
    ("/rest/cmsapp/v1/openapi/hisindex/skillforday", Op::QueueDays),
    ("/rest/cmsapp/v1/openapi/hisindex/agentforday", Op::AgentDays),
    ("/rest/cmsapp/v1/openapi/fromisales/querytasks", Op::Tasks),
    ("/rest/cmsapp/v1/openapi/fromisales/dailystatistic", Op::Task),
    ("/rest/cmsapp/v1/openapi/fromisales/realstatistic", Op::Task),
    ("/rest/cmsapp/v2/openapi/vdn/querycalls", Op::CallsV2),
    ("/rest/cmsapp/v1/callin/queryMissedCalls", Op::Missed),
    ("/rest/cmsapp/v1/callinday/querymanualindexesbycondition", Op::Undescribed),
    ("/rest/cmsapp/v1/calloutday/querymanualindexesbycondition", Op::DailyOutbound),
    ("/rest/cmsapp/v1/ping", Op::Ping),
];

/// Who asks what.
#[derive(Debug)]
struct Ask<'a> {
    state: &'a AppState,
    tenant: TenantId,
    args: Args,
}

/// A part of a list.
#[derive(Debug, Clone, Copy)]
struct Page {
    limit: i64,
    offset: i64,
}

impl Page {
    fn cut<'a, T>(&self, all: &'a [T]) -> impl Iterator<Item = &'a T> {
        let number = |value: i64| usize::try_from(value).unwrap_or(0);
        all.iter().skip(number(self.offset)).take(number(self.limit))
    }
}

impl Ask<'_> {
    /// Looks at the tenant as it is now.
    fn look<T>(&self, look: impl FnOnce(&Tenant) -> T) -> Result<T, Failure> {
        let found = self.state.parts.views.mirror.read(&self.tenant, look);
        found.ok_or_else(|| Failure::permission("the tenant of this key is not there"))
    }

    fn page(&self, most: i64) -> Result<Page, Failure> {
        let limit = self.args.int("limit", 1..=most)?.unwrap_or(10);
        Ok(Page { limit, offset: self.args.int("offset", 0..=i64::from(i32::MAX))?.unwrap_or(0) })
    }

    fn queues(&self) -> Result<Vec<i64>, Failure> {
        self.args.ints("skillIds", 1000, 1..=5000)?.ok_or_else(|| Failure::parameter("skillIds is missing"))
    }

    /// `vdnIds`: only the key's own is allowed.
    fn vdns(&self) -> Result<Vec<i64>, Failure> {
        let ids = self.args.ints("vdnIds", 100, 1..=5000)?.ok_or_else(|| Failure::parameter("vdnIds is missing"))?;
        ids.iter().try_for_each(|vdn| self.own(*vdn))?;
        Ok(ids)
    }

    /// Whether a VDN is the tenant of the key. A tenant without a number has whatever number its clients give it.
    fn own(&self, vdn: i64) -> Result<(), Failure> {
        match self.look(|tenant| tenant.settings().and_then(|settings| settings.vdn))? {
            Some(own) if i64::from(own) != vdn => Err(Failure::permission(format!("VDN {vdn} is not the one of this key"))),
            _ => Ok(()),
        }
    }

    /// The inputs that operations have in common.
    fn scope(&self, op: Op) -> Result<(), Failure> {
        self.args.int("ccId", 1..=65_535)?;
        let vdn = self.args.int("vdn", 1..=5000)?;
        let needs = !matches!(
            op,
            Op::Ping | Op::TenantNow | Op::TenantHistory | Op::AgentOperations | Op::QueueHistory | Op::AgentHistory | Op::DailyOutbound
        ) && op != Op::Undescribed;
        match vdn {
            Some(vdn) => self.own(vdn),
            None if needs => Err(Failure::parameter("vdn is missing")),
            None => self.look(|_| ()),
        }
    }
}

/// All routes below `/rest/cmsapp`. They verify signatures themselves.
pub fn router() -> Router<AppState> {
    ROUTES.iter().fold(Router::new(), |router, (path, op)| {
        let op = *op;
        router.route(path, post(move |State(state): State<AppState>, request: Request| serve(op, state, request)))
    })
}

/// Verifies, parses, looks, renders.
async fn serve(op: Op, state: AppState, request: Request) -> Response {
    let Verified { tenant, body, .. } = match signature::verify(&state, request).await {
        Ok(verified) => verified,
        Err(refusal) => return refusal.into_response(),
    };
    let done = match Args::parse(&body) {
        Ok(args) => operate(op, &Ask { state: &state, tenant, args }).await,
        Err(failure) => Err(failure),
    };
    envelope::render(match (op, done) {
        (Op::AgentsByStatus, Err(failure)) => Ok(failure.bare()),
        (_, done) => done,
    })
}

async fn operate(op: Op, ask: &Ask<'_>) -> Result<Answer, Failure> {
    ask.scope(op)?;
    match op {
        // The answer is not documented; that there is one is what callers look at.
        Op::Ping => Ok(Answer::of(json!({}))),
        Op::AgentDynamicInfo => agent::dynamic_info(ask),
        Op::AgentAbstract => agent::abstract_ex(ask),
        Op::AgentStates => agent::states(ask),
        Op::AgentsByStatus => agent::by_status(ask),
        Op::AgentStatus => agent::status_info(ask),
        Op::Team => agent::team(ask),
        Op::AgentCalls => agent::calls(ask),
        Op::QueueAgents | Op::QueueAgentsConfigured => {
            let queue = ask.args.need_int("skillId", 1..=5000)?;
            agent::of_queues(ask, &[queue], op == Op::QueueAgents)
        }
        Op::QueuesAgents => agent::of_queues(ask, &ask.queues()?, true),
        // There are no flows and no campaigns yet: none is in one, none is listed.
        Op::FlowCalls => ask.args.need_int("flowId", 1..=1500).map(|_| Answer::of(json!([]))),
        Op::FlowNumbers => Ok(Answer::of(json!([]))),
        Op::Tasks => ask.page(100).map(|_| Answer::of(json!({ "count": 0, "tasks": [] }))),
        Op::Task => match ask.args.text("taskId", 30)? {
            None => Err(Failure::parameter("taskId is missing")),
            Some(_) => Err(Failure::not_found("there is no such task")),
        },
        Op::Queues => queue::list(ask),
        Op::TenantNow => queue::rindex_of_tenant(ask).await,
        Op::QueueNow => queue::rindex(ask).await,
        Op::ServiceQuality => queue::service_quality(ask).await,
        Op::QueueConfiguration => queue::configuration(ask),
        Op::CallsV1 => calls::query(ask, "in", false).await,
        Op::CallsV2 => match ask.args.text("isCallIn", 5)?.as_deref() {
            Some("true") => calls::query(ask, "in", false).await,
            Some("false") => calls::query(ask, "out", false).await,
            _ => Err(Failure::parameter("isCallIn is neither true nor false")),
        },
        Op::Missed => calls::query(ask, "in", true).await,
        Op::BasicCall => calls::basic_info(ask),
        Op::DetailCall => calls::detail_info(ask),
        Op::AgentOperations => calls::operations(ask).await,
        Op::DailyOutbound => calls::daily_outbound(ask).await,
        Op::TenantHistory => history::tenant(ask).await,
        Op::QueueHistory => history::queues(ask, false).await,
        Op::AgentHistory => history::agents(ask, false).await,
        Op::QueueDays => history::queues(ask, true).await,
        Op::AgentDays => history::agents(ask, true).await,
        Op::Undescribed => Err(Failure::undescribed()),
    }
}

fn now() -> Timestamp {
    let since = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
    Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}
