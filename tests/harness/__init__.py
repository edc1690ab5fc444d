"""What the tests of the running services share: the services, their users and their clients."""
