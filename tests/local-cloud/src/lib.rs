//! A cloud on loopback for the tests and the demo, made of real parts.
//!
//! ```text
//!  test ──► Function: Lambda emulator ─► bootstrap ──► Gateway ──► moto: RDS, ELBv2, EC2, SNS
//!    │                                       └───────► Dns           ▲
//!    └── fail_over, targets … ───────────────────────────────────────┘
//! ```
//!
//! The gateway writes down every request of the function and can spoil it; the test itself asks
//! moto past it. Each [`Cloud`] is a world of its own, so tests run side by side.

mod call;
mod certificate;
mod cli;
mod cloud;
mod clusters;
mod dns;
mod event;
mod fault;
mod function;
mod gateway;
mod logs;
mod moto;
mod python;
mod query;
mod room;
mod stack;

pub use call::Call;
pub use cli::parse_commands;
pub use cloud::{CLUSTER, Cloud, INSTANCE_1, INSTANCE_2, PORT, REGION, TARGET_1, TARGET_2};
pub use clusters::Added;
pub use dns::{Answer, Dns, Question};
pub use event::announce;
pub use fault::{Fault, Rewrite};
pub use function::{Function, FunctionBuilder, Invocation, LambdaError};
pub use gateway::{ANY, Gateway};
pub use logs::LogLine;
pub use room::{Room, host, no_room};
pub use stack::Stack;
