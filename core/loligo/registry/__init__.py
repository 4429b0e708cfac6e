"""What is wanted: the registry file, each tentacle's manifest and the hash that names its content. Runs no tentacle."""
