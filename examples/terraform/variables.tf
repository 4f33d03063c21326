variable "release" {
  description = "Version of the release, such as 0.1.0."
  type        = string
}

variable "release_bucket" {
  description = "Bucket in this Region that you have copied the release's files to, under failover-follower/VERSION/."
  type        = string
}

variable "cluster_identifier" {
  description = "Identifier of the Aurora cluster."
  type        = string
}

variable "vpc_id" {
  description = "The cluster's VPC."
  type        = string
}

variable "subnet_ids" {
  description = "One subnet in each zone of the cluster's DB subnet group."
  type        = list(string)
}

variable "database_security_group_id" {
  description = "A security group of the cluster. It gets one rule, which lets the load balancer in."
  type        = string
}

variable "database_port" {
  description = "Port of the cluster."
  type        = number
  default     = 3306
}

variable "consumer_principals" {
  description = "Who may ask for a connection. The default is HeatWave on AWS."
  type        = list(string)
  default     = ["arn:aws:iam::612981981079:root"]
}

variable "notification_email" {
  description = "Address that hears of every switch and every alarm; empty: none."
  type        = string
  default     = ""
}

variable "kms_key_arn" {
  description = "Customer key for topics, queue, logs and variables (docs/security.md has its policy); empty: AWS's."
  type        = string
  default     = ""
}

variable "permissions_boundary_arn" {
  description = "Boundary of the roles that the stack makes; empty: none."
  type        = string
  default     = ""
}
