//! Runs tenants on threads without locks: shards own tenants outright, commands reach them through bounded mailboxes,
//! effects leave once their events are in the log.
