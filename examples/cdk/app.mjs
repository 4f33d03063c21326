// The release's plain template as a part of a CDK app. What it is given stands in cdk.json.
import { App, CfnOutput, Stack } from 'aws-cdk-lib';
import { CfnInclude } from 'aws-cdk-lib/cloudformation-include';

const app = new App();
const stack = new Stack(app, 'FailoverFollower');
const follower = new CfnInclude(stack, 'Follower', {
  templateFile: app.node.getContext('template'),
  // Each is put in where the template refers to it, and is no parameter of the stack any more. A construct's own value does
  // as well: { ...parameters, TargetGroupArn: group.targetGroupArn }
  parameters: app.node.getContext('parameters'),
});

// Every resource of the template is at hand by its name.
const fn = follower.getResource('Follower');
new CfnOutput(stack, 'Function', { value: fn.ref });
