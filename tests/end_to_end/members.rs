//! A group that holds members: the real calls for the guard, to moto's parameter groups.
//!
//! moto says of each parameter group that it is in sync; where one is not, the gateway says so.

use failover_follower::guard::statement;
use local_cloud::{CLUSTER, Cloud, Fault, Function, INSTANCE_1, INSTANCE_2, TARGET_1, TARGET_2};
use serde_json::{Value, json};

use crate::function::{
    ago, assert_group, assert_nothing_written, event, function, invoke, metrics, route, writes,
};

const USER: &str = "rpluser001";
const FAMILY: (&str, &str) = ("DBParameterGroupFamily", "aurora-mysql8.0");

/// Sets `init_connect` in the parameter group of the cluster, or of its second instance.
async fn set_init_connect(cloud: &Cloud, of: &str, value: &str) {
    let (kind, name, owner) = match of {
        CLUSTER => ("DBCluster", "DBClusterParameterGroupName", "DBCluster"),
        _ => ("DB", "DBParameterGroupName", "DBInstance"),
    };
    let group = (name, "own");
    let owner = (format!("{owner}Identifier"), format!("Modify{owner}"));
    let of = [(owner.0.as_str(), of), group];
    let make = [group, FAMILY, ("Description", "own")];
    let set = [
        group,
        ("Parameters.Parameter.1.ParameterName", "init_connect"),
        ("Parameters.Parameter.1.ParameterValue", value),
        ("Parameters.Parameter.1.ApplyMethod", "pending-reboot"),
    ];
    for (action, parameters) in [
        (format!("Create{kind}ParameterGroup"), &make[..]),
        (format!("Modify{kind}ParameterGroup"), &set[..]),
        (owner.1, &of[..]),
    ] {
        cloud.api("rds", &action, parameters).await.unwrap();
    }
}

/// A cloud whose cluster has the guard.
async fn guarded() -> Cloud {
    let cloud = Cloud::start().await.unwrap();
    set_init_connect(&cloud, CLUSTER, &statement(USER)).await;
    cloud
}

async fn follower(cloud: &Cloud) -> Function {
    let env = [("GROUP_HOLDS", "members"), ("REPLICATION_USER", USER)];
    function(cloud, &env).await
}

/// What the schedule's run of a new process says, of a group that holds both.
async fn unguarded(cloud: &Cloud) -> Value {
    cloud.set_targets(&[TARGET_1, TARGET_2]).await.unwrap();
    let function = follower(cloud).await;
    let done = invoke(&function, &event("schedule")).await;
    let route = route(&done).clone();
    assert_eq!(route["outcome"], "switched", "{route}");
    assert_eq!(route["deregistered"], json!([TARGET_2]));
    assert_group(cloud, &[TARGET_1]).await;
    let metrics = metrics(&function);
    assert_eq!(metrics["Unguarded"], 1, "{metrics}");
    assert_eq!(metrics["WrongTargets"], 0, "{metrics}");
    route["noStandby"].clone()
}

#[tokio::test]
async fn the_standby_comes_in_and_later_runs_look_up_no_parameters() {
    let cloud = guarded().await;
    let function = follower(&cloud).await;
    let done = invoke(&function, &event("schedule")).await;
    assert_eq!(route(&done)["outcome"], "switched");
    assert_eq!(route(&done)["registered"], json!([TARGET_2]));
    assert_eq!(route(&done)["standby"], INSTANCE_2);
    assert_eq!(route(&done).get("noStandby"), None);
    assert_group(&cloud, &[TARGET_1, TARGET_2]).await;
    assert_eq!(metrics(&function)["Unguarded"], 0);

    cloud.gateway().forget();
    let done = invoke(&function, &event("schedule")).await;
    assert_eq!(route(&done)["outcome"], "unchanged");
    assert_eq!(route(&done)["looks"], 1);
    assert_nothing_written(&cloud);
    let asked = cloud.gateway().calls_of("DescribeDBClusterParameters");
    assert_eq!(asked.len(), 0, "within the hour");
}

#[tokio::test]
async fn an_announced_failover_takes_the_old_writer_out_and_registers_nothing() {
    let cloud = guarded().await;
    cloud.set_targets(&[TARGET_1, TARGET_2]).await.unwrap();
    let function = follower(&cloud).await;
    let announced = ago("failover", 1);
    let (done, ()) = tokio::join!(invoke(&function, &announced), async {
        while cloud.targets().await.unwrap().len() > 1 {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        cloud.fail_over(INSTANCE_2).await.unwrap();
    });
    assert_eq!(route(&done)["outcome"], "switched");
    assert_eq!(route(&done)["writer"], INSTANCE_2);
    let why = "the Writer has been confirmed for less than three minutes";
    assert_eq!(route(&done)["noStandby"], why);
    assert_eq!(writes(&cloud), [format!("DeregisterTargets {TARGET_1}")]);
    assert_group(&cloud, &[TARGET_2]).await;
}

#[tokio::test]
async fn without_the_guard_the_writer_is_alone_and_the_report_says_why() {
    let cloud = Cloud::start().await.unwrap();
    let why = format!("unguarded: `{INSTANCE_1}`: no guard in its init_connect");
    assert_eq!(unguarded(&cloud).await, why);
}

#[tokio::test]
async fn an_instances_own_init_connect_overrides_the_clusters() {
    let cloud = guarded().await;
    set_init_connect(&cloud, INSTANCE_2, "SET NAMES utf8mb4").await;
    let why = format!("unguarded: `{INSTANCE_2}`: no guard in its init_connect");
    assert_eq!(unguarded(&cloud).await, why);
}

#[tokio::test]
async fn parameters_that_wait_for_a_restart_are_no_guard() {
    let cloud = guarded().await;
    let waits = Fault::rewrite(|xml| xml.replace("in-sync", "pending-reboot"));
    cloud.gateway().inject("DescribeDBInstances", waits);
    let told = unguarded(&cloud).await;
    let why = "its parameters are not in effect: its parameter group is pending-reboot";
    assert_eq!(told, format!("unguarded: `{INSTANCE_1}`: {why}"));
}

#[tokio::test]
async fn parameters_that_may_not_be_read_are_no_guard() {
    let cloud = guarded().await;
    let call = "rds:DescribeDBClusterParameters";
    let denied = Fault::access_denied(call);
    cloud
        .gateway()
        .inject("DescribeDBClusterParameters", denied);
    let told = unguarded(&cloud).await;
    assert!(
        told.as_str()
            .unwrap()
            .contains(&format!("{call} is denied")),
        "{told}"
    );
}
