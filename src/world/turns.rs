//! A bound on what one service is asked at a time, however many routes there are.

use std::future::Future;
use std::sync::Arc;

use tokio::sync::Semaphore;

/// How many calls of one service, and how many DNS questions, are under way at a time.
///
/// Lambda gives a process 1024 file descriptors. The calls of two services, as many connections kept by each,
/// and DNS, which may ask two servers at once, make some six times this. With it a hundred routes never wait,
/// and a thousand are done as soon as the processor is (docs/benchmarks.md).
pub(super) const AT_A_TIME: usize = 100;

/// Turns to take, first come, first served. Each service has its own, so that one that hangs holds up no other.
///
/// A question's wait for its turn is part of what a look has patience for: a look that a slow service
/// holds up ends all the same, its questions leave the queue, and a later look asks them again.
#[derive(Clone, Debug)]
pub(super) struct Turns(Arc<Semaphore>);

impl Turns {
    pub(super) fn new() -> Self {
        Self(Arc::new(Semaphore::new(AT_A_TIME)))
    }

    /// Does this when its turn has come. Whoever is cancelled gives the turn back, or leaves the queue.
    pub(super) async fn take<T>(&self, call: impl Future<Output = T>) -> T {
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
    async fn as_many_as_may_go_together_and_the_others_after_them() {
        let turns = Turns::new();
        for (calls, rounds) in [(1, 1), (AT_A_TIME, 1), (AT_A_TIME + 1, 2), (1000, 10)] {
            let began = Instant::now();
            let call = async |_| turns.take(async { sleep(CALL).await }).await;
            join_all((0..calls).map(call)).await;
            let took = began.elapsed().as_millis() / CALL.as_millis();
            assert_eq!(took, rounds, "{calls}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_is_cancelled_keeps_no_turn() {
        let turns = Turns::new();
        let hanging = join_all((0..1000).map(|_| turns.take(std::future::pending::<()>())));
        assert!(timeout(CALL, hanging).await.is_err());
        assert_eq!(timeout(CALL, turns.take(async { 1 })).await, Ok(1));
    }
}
