//! The SAM templates, held against the function that they deploy.
//!
//! `permissions` evaluates the policies of the function's role on the function's own requests. The
//! other tests have moto's `CloudFormation` make the stacks: `following` runs the function in what
//! they made; `path`, `channels` and `parameters` look at what that is. `held` reads the templates
//! themselves, and `commands` what the documents tell to type. What `sam validate`, cfn-lint and
//! checkov find without running anything is `tools/check-templates`'s.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

mod binary;
mod channels;
mod commands;
mod company;
mod examples;
mod following;
mod held;
mod iam;
mod intrinsic;
mod parameters;
mod path;
mod payload;
mod permissions;
mod plain;
mod reference;
mod refusals;
mod release;
mod request;
mod room;
mod sealed;
mod seen;
mod stacks;
mod xml;
