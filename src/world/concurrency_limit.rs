//! A bound on what one service is asked at a time, however many routes there are.

use std::future::Future;
use std::sync::Arc;

use tokio::sync::Semaphore;

/// How many calls of one service, and how many DNS questions, are under way at a time.
///
/// Lambda gives a process 1024 file descriptors. The calls of two services, as many connections
/// kept by each, and DNS, which may ask two servers at once, make some six times this. With it a
/// hundred routes never wait, and a thousand are done as soon as the processor is
/// (docs/benchmarks.md).
pub(super) const AT_A_TIME: usize = 100;

/// A limit on the calls that are under way, first come, first served. Each service has its own, so
/// that one that hangs delays no other.
///
/// The wait for a permit counts towards the time that a look allows a call: a look that a slow
/// service delays ends all the same, its calls leave the queue, and a later look asks again.
#[derive(Clone, Debug)]
pub(crate) struct ConcurrencyLimit(Arc<Semaphore>);

impl ConcurrencyLimit {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Semaphore::new(AT_A_TIME)))
    }

    /// Runs the call once there is a permit. A cancelled call returns its permit, or leaves the
    /// queue.
    pub(crate) async fn run<T>(&self, call: impl Future<Output = T>) -> T {
        // Only a semaphore that has been closed gives no permit, and nobody closes this one.
        let _permit = self.0.acquire().await;
        call.await
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_util::future::join_all;
    use tokio::time::{Instant, sleep, timeout};

    use super::*;

    const CALL: Duration = Duration::from_millis(100);

    #[tokio::test(start_paused = true)]
    async fn calls_up_to_the_limit_run_at_once_and_the_others_after_them() {
        let limit = ConcurrencyLimit::new();
        for (calls, rounds) in [(1, 1), (AT_A_TIME, 1), (AT_A_TIME + 1, 2), (1000, 10)] {
            let began = Instant::now();
            let call = async |_| limit.run(async { sleep(CALL).await }).await;
            join_all((0..calls).map(call)).await;
            let took = began.elapsed().as_millis() / CALL.as_millis();
            assert_eq!(took, rounds, "{calls}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_cancelled_call_keeps_no_permit() {
        let limit = ConcurrencyLimit::new();
        let hanging = join_all((0..1000).map(|_| limit.run(std::future::pending::<()>())));
        assert!(timeout(CALL, hanging).await.is_err());
        assert_eq!(timeout(CALL, limit.run(async { 1 })).await, Ok(1));
    }
}
