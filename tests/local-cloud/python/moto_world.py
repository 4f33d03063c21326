"""moto as RDS, ELBv2, EC2 and SNS, in as many copies as are asked for.

Importing moto and building the world takes seconds, so it happens once: every
`world <network> plain` line on standard input forks a copy that serves on a free
port of its own in that network namespace, sharing nothing afterwards, and is
answered by one JSON line on standard output. `world <network> cloudformation`
asks for a copy that knows CloudFormation too, which is in a file of its own, the
argument, and takes time that other copies need not wait for. `end <pid>` ends a
copy. The end of standard input ends
everything, so that nothing outlives the process that asked, however that
process goes.
"""

import ctypes
import gc
import ipaddress
import json
import logging
import os
import re
import signal
import sys
import threading

ACCOUNT, REGION, ZONES = "123456789012", "ap-northeast-1", ("ap-northeast-1a", "ap-northeast-1c")
NAME, PORT, HEALTH_CHECK_PORT = "aurora-source", 3306, 40000
INSTANCES = (f"{NAME}-instance-1", f"{NAME}-instance-2")
ADDRESSES = ("10.0.1.11", "10.0.2.12")
# RDS gives every name of one account and region the same label; moto gives this one to instances.
LABEL = "aaaaaaaaaa"

os.environ["MOTO_EC2_LOAD_DEFAULT_AMIS"] = "false"

import boto3  # noqa: E402

# moto asks for the regions of every service as it is imported, for which boto3 parses the whole
# EC2 model. These two (moto itself wants the second) are enough, and a second of start-up is saved.
boto3.Session.get_available_regions = lambda self, service, partition_name="aws", **rest: (
    [REGION, "us-east-1"] if partition_name == "aws" else []
)

from moto.core.responses import ActionResult  # noqa: E402
from moto.ec2.responses import EC2Response  # noqa: E402
from moto.elbv2.exceptions import InvalidTargetError, ValidationError  # noqa: E402
from moto.elbv2.models import FakeHealthStatus, FakeTargetGroup  # noqa: E402
from moto.rds.models import rds_backends  # noqa: E402
from moto.server import ThreadedMotoServer  # noqa: E402
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app  # noqa: E402
from werkzeug.test import Client  # noqa: E402

logging.getLogger("werkzeug").setLevel(logging.ERROR)


# --- Where moto differs from AWS in what this project stands on -------------------------------
#
# moto knows a target by its id alone, so that one address on two ports is one target and
# deregistering the wrong port removes the right one; it refuses to deregister what is not there;
# it registers any address; and it calls every target healthy. AWS: `Id` and `Port` together name
# a target, deregistering nothing succeeds, an address outside the VPC needs `AvailabilityZone`
# `all` (else ValidationError, aws-load-balancer-controller #3084 and #3714) and has to be private,
# and a target whose health check port nobody answers is unhealthy.

NETWORKS = [ipaddress.ip_network(n) for n in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10")]
VPC = ipaddress.ip_network("10.0.0.0/16")


def identity(group, target):
    return target["Id"], int(target.get("Port") or group.port)


def register(group, targets):
    for target in targets:
        address = ipaddress.ip_address(target["Id"])
        everywhere = target.get("AvailabilityZone") == "all"
        if not any(address in network for network in NETWORKS):
            raise InvalidTargetError()
        if not (address in VPC or everywhere):
            raise ValidationError(
                f"The Availability Zone is required for IP address '{address}' because it is not in the VPC"
            )
    for target in targets:
        address, port = identity(group, target)
        group.targets[address, port] = {"Id": address, "Port": port}


def deregister(group, targets):
    for target in targets:
        group.targets.pop(identity(group, target), None)


def health_for(group, target, _ec2):
    address, port = identity(group, target)
    if (address, port) in group.targets:
        state = ("unhealthy", "Target.FailedHealthChecks", "Health checks failed")
    else:
        state = ("unused", "Target.NotRegistered", "Target is not registered to the target group")
    return FakeHealthStatus(address, port, group.health_check_port, *state)


# moto shows an endpoint to whoever made it, and not to the owner of the service that it leads to.


def describe_vpc_endpoint_connections(ec2):
    services = ec2._filters_from_querystring()["service-id"]
    connections = [
        {"ServiceId": service, "VpcEndpointId": e.id, "VpcEndpointOwner": ACCOUNT, "VpcEndpointState": e.state}
        for e in ec2.ec2_backend.describe_vpc_endpoints([])
        for service in services
        if e.service_name.endswith(f".{service}")
    ]
    return ActionResult({"VpcEndpointConnections": connections})


EC2Response.describe_vpc_endpoint_connections = describe_vpc_endpoint_connections
FakeTargetGroup.register = register
FakeTargetGroup.deregister = deregister
FakeTargetGroup.health_for = health_for


# --- The world ---------------------------------------------------------------------------------


class Api:
    """Asks moto in the words of AWS's query protocol, inside this process."""

    def __init__(self):
        self.client = Client(DomainDispatcherApplication(create_backend_app))

    def __call__(self, service, version, action, **parameters):
        scope = f"Credential=local/20260101/{REGION}/{service}/aws4_request"
        answer = self.client.post(
            "/",
            base_url=f"http://{service}.{REGION}.amazonaws.com",
            data={"Action": action, "Version": version, **{k.replace("_", "."): str(v) for k, v in parameters.items()}},
            headers={"Authorization": f"AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=0"},
        )
        if answer.status_code != 200:
            raise RuntimeError(f"moto answered {action} with {answer.status_code}: {answer.text}")
        return lambda tag: re.search(f"<{tag}>([^<]+)</{tag}>", answer.text).group(1)


def build():
    api = Api()

    def ec2(action, **p):
        return api("ec2", "2016-11-15", action, **p)

    def rds(action, **p):
        return api("rds", "2014-10-31", action, **p)

    def elb(action, **p):
        return api("elasticloadbalancing", "2015-12-01", action, **p)

    vpc = ec2("CreateVpc", CidrBlock="10.0.0.0/16")("vpcId")
    subnets = [
        ec2("CreateSubnet", VpcId=vpc, CidrBlock=f"10.0.{n}.0/24", AvailabilityZone=zone)("subnetId")
        for n, zone in enumerate(ZONES, start=1)
    ]

    listed = {f"SubnetIds_SubnetIdentifier_{n}": s for n, s in enumerate(subnets, start=1)}
    rds("CreateDBSubnetGroup", DBSubnetGroupName=NAME, DBSubnetGroupDescription="private", **listed)
    engine = {"Engine": "aurora-mysql", "DBClusterIdentifier": NAME}
    login = {"MasterUsername": "admin", "MasterUserPassword": "local-cloud"}
    rds("CreateDBCluster", Port=PORT, DBSubnetGroupName=NAME, **engine, **login)
    rds_backends[ACCOUNT][REGION].clusters[NAME].url_identifier = LABEL
    for instance, zone in zip(INSTANCES, ZONES):
        # AWS takes the subnets from the cluster.
        place = {"AvailabilityZone": zone, "DBInstanceClass": "db.r6g.large", "DBSubnetGroupName": NAME}
        rds("CreateDBInstance", DBInstanceIdentifier=instance, **engine, **place)

    listed = {f"Subnets_member_{n}": s for n, s in enumerate(subnets, start=1)}
    balancer = elb("CreateLoadBalancer", Name=NAME, Type="network", Scheme="internal", **listed)("LoadBalancerArn")
    checks = {"HealthCheckProtocol": "TCP", "HealthCheckPort": HEALTH_CHECK_PORT}
    group = elb(
        "CreateTargetGroup", Name=NAME, Protocol="TCP", Port=PORT, VpcId=vpc, TargetType="ip", **checks
    )("TargetGroupArn")
    to_group = {"DefaultActions_member_1_Type": "forward", "DefaultActions_member_1_TargetGroupArn": group}
    elb("CreateListener", LoadBalancerArn=balancer, Protocol="TCP", Port=PORT, **to_group)
    elb("RegisterTargets", TargetGroupArn=group, Targets_member_1_Id=ADDRESSES[0], Targets_member_1_Port=PORT)
    service = ec2(
        "CreateVpcEndpointServiceConfiguration", NetworkLoadBalancerArn_1=balancer, AcceptanceRequired="true"
    )("serviceName")

    # Each service is asked once more, so that copies find everything loaded.
    endpoint = rds("DescribeDBClusters", DBClusterIdentifier=NAME)("Endpoint")
    rds("DescribeDBInstances")
    elb("DescribeTargetHealth", TargetGroupArn=group)
    return {
        "cluster_endpoint": endpoint,
        "addresses": dict(zip(INSTANCES, ADDRESSES)),
        "target_group_arn": group,
        "load_balancer_arn": balancer,
        "endpoint_service": service,
    }


# --- Copies ------------------------------------------------------------------------------------


def move_to(network):
    """Moves this process into a network namespace, which takes root's rights, unless it is there already."""
    with open(network) as there, open("/proc/self/ns/net") as here:
        if os.path.sameopenfile(there.fileno(), here.fileno()):
            return
        if ctypes.CDLL(None, use_errno=True).setns(there.fileno(), 0):
            raise OSError(ctypes.get_errno(), f"failed to move to {network}")


def serve(world, network, alive, answer):
    """What a copy does: serve until the original is gone."""
    move_to(network)
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    line = {"pid": os.getpid(), "address": f"{host}:{port}", **world}
    os.write(answer, (json.dumps(line) + "\n").encode())
    os.close(answer)
    os.read(alive, 1)
    os._exit(0)


def copy(world, network, alive):
    alive_read, alive_write = alive
    answer_read, answer_write = os.pipe()
    if os.fork() == 0:
        os.close(alive_write)
        os.close(answer_read)
        os.close(0)
        os.dup2(2, 1)
        try:
            serve(world, network, alive_read, answer_write)
        finally:
            os._exit(1)
    os.close(answer_write)
    with os.fdopen(answer_read) as answer:
        line = answer.readline() or json.dumps({"error": "the copy of moto ended before it served"}) + "\n"
    sys.stdout.write(line)
    sys.stdout.flush()


def load_cloudformation():
    """Makes what knows CloudFormation part of this process, and so of the copies made from now on."""
    exec(compile(sys.argv[1], "moto_cloudformation.py", "exec"), {"__name__": "moto_cloudformation"})


def main():
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # ended copies leave no zombies
    world = build()
    gc.collect()
    gc.freeze()
    alive = os.pipe()
    knows_cloudformation = False
    while line := sys.stdin.readline().split():
        if line[0] == "world":
            _, network, kind = line
            if kind == "cloudformation" and not knows_cloudformation:
                load_cloudformation()
                knows_cloudformation = True
            assert threading.active_count() == 1, "a process with threads cannot be copied safely"
            copy(world, network, alive)
        elif line[0] == "end":
            try:
                os.kill(int(line[1]), signal.SIGKILL)
            except ProcessLookupError:
                pass


main()
