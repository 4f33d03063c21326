//! What the judge counts: of one story, or of many added up.

use std::iter::Sum;
use std::ops::AddAssign;
use std::time::Duration;

/// How often something happened, and in how many stories.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// The stories in which it happened at all.
    pub stories: u64,
    /// How often it happened.
    pub times: u64,
}

impl Count {
    /// It happened once more in this story.
    pub(crate) fn hit(&mut self) {
        self.stories = 1;
        self.times += 1;
    }
}

/// What the judge counted, by who the Writer really was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Stories.
    pub stories: u64,
    /// Runs that came to their end.
    pub runs: u64,
    /// Their looks.
    pub looks: u64,
    /// Registrations of another target than the Writer's, at the moment when the write landed.
    pub another: Count,
    /// Of these, the ones that a source which the run could ask would have prevented: see
    /// `Asked::could_know_better`.
    pub avoidable: Count,
    /// Stretches of more than two seconds with more members in the group that the function had put
    /// in than may be: two, or one beside the Writer where both refuse the replica.
    pub two: Count,
    /// Successes of a run in whose last look the group did not hold the Writer and nothing else.
    pub success_over_wrong: Count,
    /// Successes with another Writer than the newest cluster statement names that the run knew, the
    /// statement being a minute old or less.
    pub success_against_statement: Count,
    /// Time with another than the Writer in the group, who has been the Writer since it came in.
    pub wrong_after: Duration,
    /// Time with another than the Writer in the group, who has not: put in before its promotion, or
    /// for good.
    pub wrong_before: Duration,
    /// Time with nothing wrong in the group but what another hand than the function's put in.
    pub foreign: Duration,
    /// Time with an empty group.
    pub empty: Duration,
    /// Time without the Writer in the group.
    pub without: Duration,
    /// Calls that wrote.
    pub writes: u64,
    /// Laws that were broken outright.
    pub broken: Count,
}

impl Tally {
    /// Time with another than the Writer in the group, whoever put it in.
    #[must_use]
    pub fn wrong(&self) -> Duration {
        self.wrong_after + self.wrong_before + self.foreign
    }
}

impl AddAssign for Count {
    fn add_assign(&mut self, other: Self) {
        self.stories += other.stories;
        self.times += other.times;
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        let Self {
            stories,
            runs,
            looks,
            another,
            avoidable,
            two,
            success_over_wrong,
            success_against_statement,
            wrong_after,
            wrong_before,
            foreign,
            empty,
            without,
            writes,
            broken,
        } = other;
        self.stories += stories;
        self.runs += runs;
        self.looks += looks;
        self.another += another;
        self.avoidable += avoidable;
        self.two += two;
        self.success_over_wrong += success_over_wrong;
        self.success_against_statement += success_against_statement;
        self.wrong_after += wrong_after;
        self.wrong_before += wrong_before;
        self.foreign += foreign;
        self.empty += empty;
        self.without += without;
        self.writes += writes;
        self.broken += broken;
    }
}

impl Sum for Tally {
    fn sum<I: Iterator<Item = Self>>(tallies: I) -> Self {
        let mut sum = Self::default();
        for tally in tallies {
            sum += tally;
        }
        sum
    }
}
