data "aws_region" "here" {}

locals {
  folder = "failover-follower/${var.release}"
  name   = "failover-follower-${var.release}"
  bucket = "https://${var.release_bucket}.s3.${data.aws_region.here.name}.amazonaws.com"
}

# The function, with everything that starts and watches it.
resource "aws_cloudformation_stack" "follower" {
  name         = "failover-follower"
  template_url = "${local.bucket}/${local.folder}/${local.name}-template.json"
  capabilities = ["CAPABILITY_IAM"]
  on_failure   = "ROLLBACK"

  parameters = {
    CodeBucket             = var.release_bucket
    CodeKey                = "${local.folder}/${local.name}-x86_64-function.zip"
    Architecture           = "x86_64"
    DBClusterIdentifier    = var.cluster_identifier
    TargetGroupArn         = aws_lb_target_group.writer.arn
    NotificationEmail      = var.notification_email
    KmsKeyArn              = var.kms_key_arn
    PermissionsBoundaryArn = var.permissions_boundary_arn
  }
}

# The group starts empty and is the function's alone. Terraform has no aws_lb_target_group_attachment for it, here or
# elsewhere: with one, every apply would register again what the function has taken out.
resource "aws_lb_target_group" "writer" {
  name        = "aurora-writer"
  target_type = "ip"
  protocol    = "TCP"
  port        = var.database_port
  vpc_id      = var.vpc_id

  deregistration_delay              = 0
  connection_termination            = true
  proxy_protocol_v2                 = false
  preserve_client_ip                = false
  load_balancing_cross_zone_enabled = "use_load_balancer_configuration"

  # The target is always unhealthy, since nothing answers on the port; its connections live.
  target_health_state {
    enable_unhealthy_connection_termination = false
  }

  health_check {
    protocol            = "TCP"
    port                = 40000
    interval            = 5
    timeout             = 2
    healthy_threshold   = 2
    unhealthy_threshold = 2
  }
}

resource "aws_lb" "path" {
  name               = "aurora-writer"
  load_balancer_type = "network"
  internal           = true
  subnets            = var.subnet_ids
  security_groups    = [aws_security_group.load_balancer.id]

  enable_cross_zone_load_balancing                             = true
  enforce_security_group_inbound_rules_on_private_link_traffic = "off"
}

resource "aws_lb_listener" "database" {
  load_balancer_arn = aws_lb.path.arn
  protocol          = "TCP"
  port              = var.database_port

  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.writer.arn
  }
}

resource "aws_security_group" "load_balancer" {
  name        = "aurora-writer-load-balancer"
  description = "In from nowhere but PrivateLink, out to the database only"
  vpc_id      = var.vpc_id
}

resource "aws_vpc_security_group_egress_rule" "to_the_database" {
  security_group_id            = aws_security_group.load_balancer.id
  referenced_security_group_id = var.database_security_group_id
  ip_protocol                  = "tcp"
  from_port                    = var.database_port
  to_port                      = var.database_port
}

resource "aws_vpc_security_group_ingress_rule" "from_the_load_balancer" {
  security_group_id            = var.database_security_group_id
  referenced_security_group_id = aws_security_group.load_balancer.id
  ip_protocol                  = "tcp"
  from_port                    = var.database_port
  to_port                      = var.database_port
}

resource "aws_vpc_endpoint_service" "database" {
  network_load_balancer_arns = [aws_lb.path.arn]
  acceptance_required        = true
  allowed_principals         = var.consumer_principals
  depends_on                 = [aws_lb_listener.database]
}
