output "endpoint_service_name" {
  description = "For the consumer, in HeatWave's console the service name of the Egress PrivateLink."
  value       = aws_vpc_endpoint_service.database.service_name
}

output "function_name" {
  description = "The function: aws lambda invoke --function-name NAME report.json asks it to look."
  value       = aws_cloudformation_stack.follower.outputs["FunctionName"]
}
