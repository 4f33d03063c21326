//! Questions of one moment, put as one, so that calls grow with pages and not with routes.
//!
//! ```text
//! route 1 ─ ask a ─┐                            ┌─► a ─ route 1
//! route 2 ─ ask b ─┼─► {a, b} ─► a call for  ───┼─► b ─ route 2
//! route 3 ─ ask a ─┘             each page      └─► a ─ route 3
//! ```
//!
//! Nothing runs in the background. Whoever waits drives the question, one who is cancelled leaves it to
//! the others, and it is gone with the last of them. An answer is never older than the question: one that is
//! being put already takes nobody in.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared, WeakShared, join_all};
use tracing::warn;

use super::{Cause, Failure};

/// As many as one answer holds unless asked for fewer: `MaxRecords` of `DescribeDBClusters` (API reference).
const PAGE: usize = 100;

/// What is found about some keys; who isn't in it does not exist.
pub(super) type Found<K, A> = Result<BTreeMap<K, A>, Failure>;

type Put<K, A> = Box<dyn Fn(Vec<K>) -> BoxFuture<'static, Found<K, A>> + Send + Sync>;
type Answers<K, A> = Arc<BTreeMap<K, Result<Option<A>, Failure>>>;
type Question<K, A> = Shared<BoxFuture<'static, Answers<K, A>>>;

/// One kind of question, which can be put about up to [`PAGE`] keys at once.
pub(super) struct Together<K, A>(Arc<Inner<K, A>>);

struct Inner<K, A> {
    put: Put<K, A>,
    state: Mutex<State<K, A>>,
}

struct State<K, A> {
    /// Whom the open question is about.
    keys: BTreeSet<K>,
    /// The question that still takes keys in, for as long as somebody waits for it.
    open: Option<WeakShared<BoxFuture<'static, Answers<K, A>>>>,
    /// Questions about several have been denied in this process. A denied call each look would be a
    /// round trip lost, and a line in CloudTrail that rings other people's alarms.
    one_by_one: bool,
}

impl<K, A> Together<K, A>
where
    K: Ord + Clone + Send + Sync + 'static,
    A: Clone + Send + Sync + 'static,
{
    /// A kind of question that `put` puts.
    pub(super) fn new(
        put: impl Fn(Vec<K>) -> BoxFuture<'static, Found<K, A>> + Send + Sync + 'static,
    ) -> Self {
        let state = State {
            keys: BTreeSet::new(),
            open: None,
            one_by_one: false,
        };
        Self(Arc::new(Inner {
            put: Box::new(put),
            state: Mutex::new(state),
        }))
    }

    /// Asks about a key, in one call with whoever else asks in this moment.
    pub(super) async fn ask(&self, key: &K) -> Result<Option<A>, Failure> {
        let answers = self.join(key).await;
        answers.get(key).cloned().unwrap_or(Ok(None))
    }

    /// The open question, with this key in it.
    fn join(&self, key: &K) -> Question<K, A> {
        let mut state = self.0.state();
        let open = state.open.as_ref().and_then(WeakShared::upgrade);
        let question = open.unwrap_or_else(|| {
            // Keys that are left are of people who have gone.
            state.keys.clear();
            let question = Arc::clone(&self.0).answer().boxed().shared();
            state.open = question.downgrade();
            question
        });
        state.keys.insert(key.clone());
        question
    }
}

impl<K, A> Inner<K, A>
where
    K: Ord + Clone + Send + Sync + 'static,
    A: Clone + Send + Sync + 'static,
{
    async fn answer(self: Arc<Self>) -> Answers<K, A> {
        let (keys, size) = self.close().await;
        let pages = keys.chunks(size).map(|page| self.put_page(page));
        Arc::new(join_all(pages).await.into_iter().flatten().collect())
    }

    /// Waits until a turn of the scheduler has brought no new key, closes the question, and tells whom it
    /// is about, and how many at a time. Whatever is ready when the first asks is in it, however much it is.
    async fn close(&self) -> (Vec<K>, usize) {
        let mut known = 1;
        loop {
            tokio::task::yield_now().await;
            let mut state = self.state();
            if state.keys.len() <= known {
                state.open = None;
                let keys = std::mem::take(&mut state.keys).into_iter().collect();
                return (keys, if state.one_by_one { 1 } else { PAGE });
            }
            known = state.keys.len();
        }
    }

    /// Puts the question about a page of keys; about each alone, if AWS refuses it about several.
    async fn put_page(&self, keys: &[K]) -> Vec<(K, Result<Option<A>, Failure>)> {
        let failure = match (self.put)(keys.to_vec()).await {
            Err(failure) if keys.len() > 1 && is_refusal(&failure) => failure,
            found => return keys.iter().map(|key| answer_in(&found, key)).collect(),
        };
        warn!(%failure, "refused about several at once; each is asked about alone");
        self.state().one_by_one |= failure.cause == Cause::Denied;
        let alone = keys.iter().map(async |key| {
            let found = (self.put)(vec![key.clone()]).await;
            answer_in(&found, key)
        });
        join_all(alone).await
    }

    fn state(&self) -> MutexGuard<'_, State<K, A>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn answer_in<K: Ord + Clone, A: Clone>(
    found: &Found<K, A>,
    key: &K,
) -> (K, Result<Option<A>, Failure>) {
    let answer = found.as_ref().map(|found| found.get(key).cloned());
    (key.clone(), answer.map_err(Clone::clone))
}

/// Whether it is this question that isn't answered, and not that nothing is answered now.
fn is_refusal(failure: &Failure) -> bool {
    match failure.cause {
        Cause::Denied | Cause::NotFound | Cause::Refused => true,
        Cause::Throttled | Cause::TimedOut | Cause::Unavailable => false,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::sleep;

    use super::*;

    /// How long a call takes.
    const CALL: Duration = Duration::from_millis(20);

    /// What was asked, call by call.
    #[derive(Clone, Default)]
    struct Calls(Arc<Mutex<Vec<Vec<u32>>>>);

    impl Calls {
        fn take(&self) -> Vec<Vec<u32>> {
            std::mem::take(&mut *self.0.lock().unwrap())
        }

        /// Finds the square of every number but zero, which does not exist, unless `fails` has a cause.
        fn squares(
            &self,
            fails: impl Fn(&[u32]) -> Option<Cause> + Send + Sync + 'static,
        ) -> Together<u32, u32> {
            let calls = self.clone();
            Together::new(move |keys: Vec<u32>| {
                calls.0.lock().unwrap().push(keys.clone());
                let failure = fails(&keys).map(|cause| Failure::new("squares", cause, ""));
                async move {
                    sleep(CALL).await;
                    let there = keys.into_iter().filter(|key| *key > 0);
                    failure.map_or_else(|| Ok(there.map(|key| (key, key * key)).collect()), Err)
                }
                .boxed()
            })
        }
    }

    type Answer = Result<Option<u32>, Cause>;

    async fn ask_all(
        squares: &Together<u32, u32>,
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
        assert_eq!(calls.take(), [[0, 2, 3]]);
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
        let began = tokio::time::Instant::now();
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
        assert_eq!(calls.take(), [vec![1, 2, 3], vec![1], vec![2], vec![3]]);
        assert_eq!(ask_all(&squares, 1..=3).await, expected);
        assert_eq!(calls.take(), [[1], [2], [3]]);
    }

    #[tokio::test(start_paused = true)]
    async fn where_several_are_refused_for_one_of_them_only_that_one_is() {
        for cause in [Cause::NotFound, Cause::Refused] {
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
                assert!(tokio::time::timeout(patience, &mut leader).await.is_err());
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
        let gone = tokio::time::timeout(Duration::ZERO, squares.ask(&1)).await;
        assert!(gone.is_err(), "cancelled before it was put");
        assert_eq!(squares.ask(&2).await, Ok(Some(4)));
        assert_eq!(calls.take(), [[2]]);
        let gone = tokio::time::timeout(CALL / 2, squares.ask(&1)).await;
        assert!(gone.is_err(), "cancelled while it was being put");
        assert_eq!(squares.ask(&2).await, Ok(Some(4)));
        assert_eq!(calls.take(), [[1], [2]]);
    }
}
