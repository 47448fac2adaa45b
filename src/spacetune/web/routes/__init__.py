"""What is answered where, by kind: spacetune's own requests, other servers' shapes, the server itself."""
