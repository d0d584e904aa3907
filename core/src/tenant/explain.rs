//! Why a call still waits. Why an agent was chosen is in its `call.offered`, see [`crate::queue::Choice`].
