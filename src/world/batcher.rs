//! Questions of one moment, asked in one call, so that calls grow with pages and not with routes.
//!
//! ```text
//! route 1 ─ ask a ─┐                          ┌─► a ─ route 1
//! route 2 ─ ask b ─┼─► {a, b, c} ─► a call ───┼─► b ─ route 2
//! route 3 ─ ask c ─┘                          └─► not in it: asks alone ─ route 3
//! ```
//!
//! Nothing runs in the background. Whoever waits drives the question, one who is cancelled leaves
//! it to the others, and it is gone with the last of them. An answer is never older than the
//! question: one that is under way already takes nobody in.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared, WeakShared};
use tracing::warn;

use super::{CallError, Cause};

/// As many as one answer holds unless asked for fewer: `MaxRecords` of `DescribeDBClusters` (API
/// reference).
const PAGE: usize = 100;

/// What is found about some keys; one that isn't in it was not found.
pub(super) type Found<K, A> = Result<BTreeMap<K, A>, CallError>;

/// One kind of question, which can be asked about up to a page of keys at once.
pub(super) struct Batcher<K, A> {
    fetch: Fetch<K, A>,
    open: Mutex<Option<Open<K, A>>>,
    /// A question about several has been denied in this process. To have it denied in every look
    /// would be a round trip lost, and a line in the audit log that rings other people's alarms.
    denied: AtomicBool,
}

type Fetch<K, A> = Arc<dyn Fn(Vec<K>) -> BoxFuture<'static, Found<K, A>> + Send + Sync>;

/// A call that is under way, or about to be.
type Question<K, A> = BoxFuture<'static, Arc<Page<K, A>>>;

/// The question that takes keys in, for as long as somebody waits for it.
struct Open<K, A> {
    keys: Keys<K>,
    page: WeakShared<Question<K, A>>,
}

/// Whom a question is about; nothing once it is under way.
type Keys<K> = Arc<Mutex<Option<BTreeSet<K>>>>;

/// The answer to a question about one, or several.
struct Page<K, A> {
    several: bool,
    found: Found<K, A>,
}

impl<K, A> Batcher<K, A>
where
    K: Ord + Clone + Send + Sync + 'static,
    A: Clone + Send + Sync + 'static,
{
    /// A kind of question that `fetch` asks.
    pub(super) fn new(
        fetch: impl Fn(Vec<K>) -> BoxFuture<'static, Found<K, A>> + Send + Sync + 'static,
    ) -> Self {
        Self {
            fetch: Arc::new(fetch),
            open: Mutex::default(),
            denied: AtomicBool::default(),
        }
    }

    /// Asks about a key, in one call with whoever else asks in this moment. Where that says nothing
    /// of this key, it is asked about alone, and only that answer counts; whoever has his answer
    /// doesn't wait for it.
    pub(super) async fn ask(&self, key: &K) -> Result<Option<A>, CallError> {
        if !self.denied.load(Ordering::Relaxed) {
            let page = self.join(key).await;
            match &page.found {
                Ok(found) if page.several && !found.contains_key(key) => {}
                Err(failure) if page.several && failure.is_final() => {
                    let denied = failure.cause == Cause::Denied;
                    self.denied.fetch_or(denied, Ordering::Relaxed);
                }
                found => return answer(found, key),
            }
        }
        answer(&(self.fetch)(vec![key.clone()]).await, key)
    }

    /// The open question, with this key in it.
    fn join(&self, key: &K) -> Shared<Question<K, A>> {
        let mut open = lock(&self.open);
        let joined = open.as_ref().and_then(|open| open.join(key));
        joined.unwrap_or_else(|| {
            let keys = Arc::new(Mutex::new(Some(BTreeSet::from([key.clone()]))));
            let page = fetch_batch(Arc::clone(&self.fetch), Arc::clone(&keys));
            let page = page.boxed().shared();
            *open = page.downgrade().map(|page| Open { keys, page });
            page
        })
    }
}

impl<K: Ord + Clone, A> Open<K, A> {
    /// Takes a key in, unless the question is full, under way, or gone.
    fn join(&self, key: &K) -> Option<Shared<Question<K, A>>> {
        let page = self.page.upgrade()?;
        let mut keys = lock(&self.keys);
        let keys = keys.as_mut()?;
        if keys.len() == PAGE && !keys.contains(key) {
            return None;
        }
        keys.insert(key.clone());
        Some(page)
    }
}

async fn fetch_batch<K: Ord, A>(fetch: Fetch<K, A>, keys: Keys<K>) -> Arc<Page<K, A>> {
    let keys = close(&keys).await;
    let several = keys.len() > 1;
    let found = fetch(keys).await;
    if let Err(failure) = &found
        && several
        && failure.is_final()
    {
        warn!(%failure, "refused about several at once; each is asked about alone");
    }
    Arc::new(Page { several, found })
}

/// Waits until a turn of the scheduler has brought no new key, and closes the question. So whatever
/// is ready when the first asks is in it, however many turns it takes.
async fn close<K: Ord>(keys: &Keys<K>) -> Vec<K> {
    let mut known = 1;
    loop {
        tokio::task::yield_now().await;
        let mut keys = lock(keys);
        let now = keys.as_ref().map_or(0, BTreeSet::len);
        if now <= known {
            return keys.take().unwrap_or_default().into_iter().collect();
        }
        known = now;
    }
}

fn answer<K: Ord, A: Clone>(found: &Found<K, A>, key: &K) -> Result<Option<A>, CallError> {
    match found {
        Ok(found) => Ok(found.get(key).cloned()),
        Err(failure) => Err(failure.clone()),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_util::future::join_all;
    use tokio::time::{Instant, sleep, timeout};

    use super::*;

    /// How long a call takes.
    const CALL: Duration = Duration::from_millis(20);
    const LONG: Duration = Duration::from_secs(4);

    /// What was asked, call by call.
    #[derive(Clone, Default)]
    struct Calls(Arc<Mutex<Vec<Vec<u32>>>>);

    impl Calls {
        fn take(&self) -> Vec<Vec<u32>> {
            let mut calls = std::mem::take(&mut *self.0.lock().unwrap());
            calls.sort();
            calls
        }

        /// Finds the square of every number but zero, which does not exist and is long looked for,
        /// unless `fails` has a cause.
        fn squares(
            &self,
            fails: impl Fn(&[u32]) -> Option<Cause> + Send + Sync + 'static,
        ) -> Batcher<u32, u32> {
            let calls = self.clone();
            Batcher::new(move |keys: Vec<u32>| {
                calls.0.lock().unwrap().push(keys.clone());
                let failure = fails(&keys).map(|cause| CallError::new("squares", cause, ""));
                async move {
                    sleep(if keys == [0] { LONG } else { CALL }).await;
                    let there = keys.into_iter().filter(|key| *key > 0);
                    failure.map_or_else(|| Ok(there.map(|key| (key, key * key)).collect()), Err)
                }
                .boxed()
            })
        }
    }

    type Answer = Result<Option<u32>, Cause>;

    async fn ask_all(
        squares: &Batcher<u32, u32>,
        keys: impl IntoIterator<Item = u32>,
    ) -> Vec<Answer> {
        let asks = keys.into_iter().map(async |key| squares.ask(&key).await);
        let answers = join_all(asks).await.into_iter();
        answers
            .map(|answer| answer.map_err(|failure| failure.cause))
            .collect()
    }

    #[tokio::test(start_paused = true)]
    async fn one_who_asks_alone_asks_about_one() {
        let calls = Calls::default();
        let squares = calls.squares(|_| None);
        assert_eq!(ask_all(&squares, [3]).await, [Ok(Some(9))]);
        assert_eq!(ask_all(&squares, [3]).await, [Ok(Some(9))]);
        assert_eq!(calls.take(), [[3], [3]], "nothing is remembered");
    }

    #[tokio::test(start_paused = true)]
    async fn those_who_ask_in_the_same_moment_ask_once_and_what_is_missing_spoils_no_other() {
        let calls = Calls::default();
        let squares = calls.squares(|_| None);
        let answers = ask_all(&squares, [3, 0, 2, 3]).await;
        assert_eq!(answers, [Ok(Some(9)), Ok(None), Ok(Some(4)), Ok(Some(9))]);
        assert_eq!(
            calls.take(),
            [vec![0], vec![0, 2, 3]],
            "the missing one is asked about alone"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn those_who_are_only_woken_by_those_who_ask_are_in_it() {
        let calls = Calls::default();
        let squares = calls.squares(|_| None);
        let woken = tokio::sync::Notify::new();
        let (first, second) = tokio::join!(
            async {
                woken.notify_one();
                squares.ask(&1).await
            },
            async {
                woken.notified().await;
                tokio::task::yield_now().await;
                squares.ask(&2).await
            },
        );
        assert_eq!((first, second), (Ok(Some(1)), Ok(Some(4))));
        assert_eq!(calls.take(), [[1, 2]]);
    }

    #[tokio::test(start_paused = true)]
    async fn one_who_comes_while_it_is_being_put_gets_a_question_of_his_own() {
        let calls = Calls::default();
        let squares = calls.squares(|_| None);
        let late = async {
            sleep(CALL / 2).await;
            squares.ask(&1).await
        };
        let (first, second) = tokio::join!(squares.ask(&1), late);
        assert_eq!((first, second), (Ok(Some(1)), Ok(Some(1))));
        assert_eq!(calls.take(), [[1], [1]]);
    }

    #[tokio::test(start_paused = true)]
    async fn more_than_a_page_are_pages_side_by_side() {
        let calls = Calls::default();
        let squares = calls.squares(|_| None);
        let began = Instant::now();
        let answers = ask_all(&squares, 1..=1000).await;
        let expected: Vec<Answer> = (1..=1000).map(|key| Ok(Some(key * key))).collect();
        assert_eq!(answers, expected);
        let sizes: Vec<usize> = calls.take().iter().map(Vec::len).collect();
        assert_eq!(sizes, [PAGE; 10]);
        assert!(began.elapsed() < CALL * 2, "{:?}", began.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_is_everybodys_of_that_page_and_the_next_ask_anew() {
        let calls = Calls::default();
        let squares = calls.squares(|keys| keys.contains(&1).then_some(Cause::Throttled));
        let answers = ask_all(&squares, 1..=101).await;
        assert_eq!(answers[..100], [Err(Cause::Throttled); 100]);
        assert_eq!(answers[100], Ok(Some(101 * 101)));
        assert_eq!(
            calls.take().len(),
            2,
            "asking each alone would throttle more"
        );
        assert_eq!(ask_all(&squares, [2]).await, [Ok(Some(4))]);
        assert_eq!(calls.take(), [[2]]);
    }

    #[tokio::test(start_paused = true)]
    async fn where_several_are_denied_each_is_asked_alone_from_then_on() {
        let calls = Calls::default();
        let squares =
            calls.squares(|keys| (keys.len() > 1 || keys == [3]).then_some(Cause::Denied));
        let expected = [Ok(Some(1)), Ok(Some(4)), Err(Cause::Denied)];
        assert_eq!(ask_all(&squares, 1..=3).await, expected);
        assert_eq!(calls.take(), [vec![1], vec![1, 2, 3], vec![2], vec![3]]);
        assert_eq!(ask_all(&squares, 1..=3).await, expected);
        assert_eq!(calls.take(), [[1], [2], [3]]);
    }

    #[tokio::test(start_paused = true)]
    async fn where_several_are_refused_for_one_of_them_only_that_one_is() {
        for cause in [Cause::NotFound, Cause::Rejected] {
            let calls = Calls::default();
            let squares = calls.squares(move |keys| keys.contains(&2).then_some(cause));
            let expected = [Ok(Some(1)), Err(cause), Ok(Some(9))];
            assert_eq!(ask_all(&squares, 1..=3).await, expected);
            assert_eq!(calls.take().len(), 4);
            let answers = ask_all(&squares, [1, 3]).await;
            assert_eq!(answers, [Ok(Some(1)), Ok(Some(9))]);
            assert_eq!(calls.take(), [[1, 3]], "several may be asked about");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_has_an_answer_waits_for_nobody_who_asks_alone() {
        let calls = Calls::default();
        let squares = calls.squares(|_| None);
        let began = Instant::now();
        let served = async {
            let answer = squares.ask(&1).await;
            (answer, began.elapsed())
        };
        let (missing, (answer, took)) = tokio::join!(squares.ask(&0), served);
        assert_eq!((missing, answer), (Ok(None), Ok(Some(1))));
        assert!(took < LONG, "{took:?}");
        assert!(began.elapsed() >= LONG);
    }

    #[tokio::test(start_paused = true)]
    async fn one_who_is_cancelled_leaves_it_to_the_others_at_any_time() {
        let calls = Calls::default();
        let squares = calls.squares(|_| None);
        for patience in [Duration::ZERO, CALL / 2] {
            let mut leader = Box::pin(squares.ask(&1));
            let mut other = Box::pin(squares.ask(&2));
            for ask in [&mut leader, &mut other] {
                assert_eq!(ask.now_or_never(), None, "it has asked and waits");
            }
            if !patience.is_zero() {
                assert!(timeout(patience, &mut leader).await.is_err());
            }
            drop(leader);
            assert_eq!(other.await, Ok(Some(4)));
            assert_eq!(calls.take(), [[1, 2]]);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_question_that_everybody_has_left_is_gone() {
        let calls = Calls::default();
        let squares = calls.squares(|_| None);
        let gone = timeout(Duration::ZERO, squares.ask(&1)).await;
        assert!(gone.is_err(), "cancelled before it was asked");
        assert_eq!(squares.ask(&2).await, Ok(Some(4)));
        assert_eq!(calls.take(), [[2]]);
        let gone = timeout(CALL / 2, squares.ask(&1)).await;
        assert!(gone.is_err(), "cancelled while it was under way");
        assert_eq!(squares.ask(&2).await, Ok(Some(4)));
        assert_eq!(calls.take(), [[1], [2]]);
    }
}
