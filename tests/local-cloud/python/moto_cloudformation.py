"""CloudFormation in moto, as far as this project's templates need it.

moto reads a template as AWS does: parameters, conditions, functions, dependencies, nested stacks, outputs. Of the
resources it knows too few, and of some too few properties. Those are made here as CloudFormation makes them: by asking
the service, moto's own, for what the template says.
"""

import importlib.abc
import importlib.machinery
import json
import os
import sys


class Unneeded(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """moto's CloudFormation imports every service that has a resource; this one needs packages that nobody else does."""

    NAME = "moto.apigateway"

    def find_spec(self, name, path=None, target=None):
        if name == self.NAME or name.startswith(self.NAME + "."):
            return importlib.machinery.ModuleSpec(name, self, is_package=True)

    def exec_module(self, module):
        pass


sys.meta_path.insert(0, Unneeded())

import boto3  # noqa: E402
from botocore.exceptions import BotoCoreError, ClientError  # noqa: E402
from moto import mock_aws  # noqa: E402
from moto.cloudformation import parsing  # noqa: E402
from moto.cloudformation.exceptions import ValidationError  # noqa: E402
from moto.cloudformation.models import Stack  # noqa: E402
from moto.core.common_models import CloudFormationModel  # noqa: E402
from moto.events.utils import EventTemplateParser  # noqa: E402

REGION = "ap-northeast-1"

# What the services are asked below does not leave the process.
os.environ.update(AWS_ACCESS_KEY_ID="local", AWS_SECRET_ACCESS_KEY="local")
mock_aws().start(reset=False)


# --- Where moto reads a template otherwise -----------------------------------------------------------------------

# A list that is given is a list, but one by default stays the text that it is written as.

as_given = parsing.ResourceMap.load_parameters


def load_parameters(stack):
    for name, parameter in stack._template.get("Parameters", {}).items():
        if "List" in parameter["Type"] and "Default" in parameter:
            stack.input_parameters.setdefault(name, parameter["Default"])
    as_given(stack)


parsing.ResourceMap.load_parameters = load_parameters

# A resource of a type that it lacks is passed over in silence.

known = parsing.resource_class_from_type


def resource_class_from_type(type_name):
    return known(type_name) or refuse(f"moto makes no {type_name}, and neither does moto_cloudformation.py")


def refuse(why):
    raise ValidationError(message=why)


parsing.resource_class_from_type = resource_class_from_type

# What a template left out of a list (`AWS::NoValue`) stays in it as nothing.

cleaned = parsing.clean_json


def clean_json(value, resources):
    made = cleaned(value, resources)
    return [item for item in made if item is not None] if isinstance(value, list) else made


parsing.clean_json = clean_json

# A nested stack has no attributes.

Stack.get_cfn_attribute = lambda stack, name: stack.output_map[name.removeprefix("Outputs.")].value

# A rule's target without a template gets the event as it is; moto would import a package for templates even then.

templated = EventTemplateParser.parse


def parse(input_template, input_paths_map, event):
    return templated(input_template, input_paths_map, event) if input_template else event.copy()


EventTemplateParser.parse = parse


# --- Resources by way of the service's API ---------------------------------------------------------------------


class Service:
    """A service's API, given values as a template has them: CloudFormation takes "true" and 3306 for what is meant."""

    def __init__(self, name):
        self.client = boto3.client(name, region_name=REGION)

    def __getattr__(self, operation):
        api = self.client.meta.method_to_api_mapping[operation]
        shape = self.client.meta.service_model.operation_model(api).input_shape
        return lambda **asked: getattr(self.client, operation)(**meant(shape, asked))


def meant(shape, value):
    """`value` as the API's own model has it; what a template left out (`AWS::NoValue`) is gone."""
    match shape.type_name:
        case "structure":
            # A name that the API does not know is left in, for botocore to refuse.
            return {k: meant(shape.members[k], v) if k in shape.members else v for k, v in value.items() if v is not None}
        case "map":
            return {k: meant(shape.value, v) for k, v in value.items() if v is not None}
        case "list":
            return [meant(shape.member, v) for v in value if v is not None]
        case "string":
            return value if isinstance(value, str) else json.dumps(value)
        case "boolean":
            return {"true": True, "false": False}.get(value, value)
        case "integer" | "long":
            return int(value)
    return value


def resource(type_name):
    """Has CloudFormation make resources of a type with a function that is given a name and the properties, and tells
    the physical id and the attributes."""

    def register(make):
        class Made(CloudFormationModel):
            __module__ = Stack.__module__  # moto reads the service from it

            def __init__(self, physical_id, attributes):
                self.physical_resource_id = physical_id
                self.attributes = attributes

            def get_cfn_attribute(self, name):
                return self.attributes[name]

            @staticmethod
            def cloudformation_name_type():
                return ""

            @staticmethod
            def cloudformation_type():
                return type_name

            @classmethod
            def create_from_cloudformation_json(cls, resource_name, cloudformation_json, *_, LogicalId, **__):
                try:
                    return cls(*make(resource_name, **cloudformation_json["Properties"]))
                except (BotoCoreError, ClientError, TypeError) as error:
                    raise ValidationError(message=f"{type_name} {LogicalId}: {error}") from error

        return Made  # moto finds it as a subclass, for as long as somebody holds it

    return register


ec2, elb, events, functions, logs, queues, rds, scheduler, topics, watch = map(
    Service, ("ec2", "elbv2", "events", "lambda", "logs", "sqs", "rds", "scheduler", "sns", "cloudwatch")
)

# --- privatelink.yaml ------------------------------------------------------------------------------------------


@resource("AWS::EC2::SecurityGroup")
def security_group(name, VpcId, GroupDescription, SecurityGroupEgress):
    group = ec2.create_security_group(GroupName=name, Description=GroupDescription, VpcId=VpcId)["GroupId"]
    # Rules of one's own take the place of the one that lets everything out.
    everything = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    ec2.revoke_security_group_egress(GroupId=group, IpPermissions=[everything])
    for rule in SecurityGroupEgress:
        to = {"GroupId": rule.pop("DestinationSecurityGroupId"), "Description": rule.pop("Description")}
        ec2.authorize_security_group_egress(GroupId=group, IpPermissions=[{**rule, "UserIdGroupPairs": [to]}])
    return group, {"GroupId": group}


@resource("AWS::ElasticLoadBalancingV2::LoadBalancer")
def load_balancer(name, LoadBalancerAttributes, EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic, **rest):
    # moto takes every load balancer of a template for an application's, which then refuses a listener for TCP.
    [made] = elb.create_load_balancer(Name=name, **rest)["LoadBalancers"]
    arn = made["LoadBalancerArn"]
    elb.modify_load_balancer_attributes(LoadBalancerArn=arn, Attributes=LoadBalancerAttributes)
    elb.set_security_groups(
        LoadBalancerArn=arn,
        SecurityGroups=rest["SecurityGroups"],
        EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic=EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic,
    )
    return arn, {"LoadBalancerArn": arn, "DNSName": made["DNSName"]}


@resource("AWS::ElasticLoadBalancingV2::TargetGroup")
def target_group(name, TargetGroupAttributes, **rest):
    [made] = elb.create_target_group(Name=name, **rest)["TargetGroups"]
    arn = made["TargetGroupArn"]
    elb.modify_target_group_attributes(TargetGroupArn=arn, Attributes=TargetGroupAttributes)
    return arn, {"TargetGroupArn": arn}


@resource("AWS::ElasticLoadBalancingV2::Listener")
def listener(_, **rest):
    [made] = elb.create_listener(**rest)["Listeners"]
    return made["ListenerArn"], {}


@resource("AWS::EC2::VPCEndpointService")
def endpoint_service(_, Tags, **rest):
    tags = [{"ResourceType": "vpc-endpoint-service", "Tags": Tags}]
    made = ec2.create_vpc_endpoint_service_configuration(TagSpecifications=tags, **rest)["ServiceConfiguration"]
    return made["ServiceId"], {"ServiceId": made["ServiceId"]}


@resource("AWS::EC2::VPCEndpointServicePermissions")
def endpoint_service_permissions(name, ServiceId, AllowedPrincipals):
    ec2.modify_vpc_endpoint_service_permissions(ServiceId=ServiceId, AddAllowedPrincipals=AllowedPrincipals)
    return name, {}


# --- template.yaml ---------------------------------------------------------------------------------------------


@resource("AWS::Lambda::Function")
def function(name, Tags, ReservedConcurrentExecutions=None, KmsKeyArn=None, **rest):
    tags = {tag["Key"]: tag["Value"] for tag in Tags}
    # The API spells the key otherwise.
    made = functions.create_function(FunctionName=name, Tags=tags, KMSKeyArn=KmsKeyArn, **rest)
    if ReservedConcurrentExecutions:
        functions.put_function_concurrency(
            FunctionName=name, ReservedConcurrentExecutions=ReservedConcurrentExecutions
        )
    return name, {"Arn": made["FunctionArn"]}


@resource("AWS::Lambda::EventInvokeConfig")
def event_invoke_config(name, **rest):
    functions.put_function_event_invoke_config(**rest)
    return name, {}


@resource("AWS::Lambda::Permission")
def permission(name, **rest):
    functions.add_permission(StatementId=name, **rest)
    return name, {}


@resource("AWS::Scheduler::Schedule")
def schedule(name, **rest):
    made = scheduler.create_schedule(Name=name[:64], **rest)
    return name[:64], {"Arn": made["ScheduleArn"]}


@resource("AWS::SNS::TopicPolicy")
def topic_policy(name, Topics, PolicyDocument):
    for topic in Topics:
        topics.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=PolicyDocument)
    return name, {}


@resource("AWS::SNS::Subscription")
def subscription(_, RedrivePolicy=None, **rest):
    attributes = {"RedrivePolicy": json.dumps(RedrivePolicy)} if RedrivePolicy else {}
    arn = topics.subscribe(ReturnSubscriptionArn=True, Attributes=attributes, **rest)["SubscriptionArn"]
    return arn, {}


@resource("AWS::SQS::QueuePolicy")
def queue_policy(name, Queues, PolicyDocument):
    for queue in Queues:
        queues.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": PolicyDocument})
    return name, {}


@resource("AWS::RDS::EventSubscription")
def event_subscription(name, Enabled=True, **rest):
    # AWS takes a subscription that doesn't say for enabled, moto for disabled.
    rds.create_event_subscription(SubscriptionName=name, Enabled=Enabled, **rest)
    return name, {}


@resource("AWS::Logs::MetricFilter")
def metric_filter(name, MetricTransformations, **rest):
    for made in MetricTransformations:
        made["dimensions"] = {dimension["Key"]: dimension["Value"] for dimension in made.pop("Dimensions", [])}
    # This API, alone among them, begins its names in lower case.
    small = lambda names: {key[0].lower() + key[1:]: value for key, value in names.items()}  # noqa: E731
    logs.put_metric_filter(filterName=name, metricTransformations=[small(t) for t in MetricTransformations], **small(rest))
    return name, {}


@resource("AWS::CloudWatch::Alarm")
def alarm(_, **rest):
    watch.put_metric_alarm(**rest)
    [made] = watch.describe_alarms(AlarmNames=[rest["AlarmName"]])["MetricAlarms"]
    return rest["AlarmName"], {"Arn": made["AlarmArn"]}
