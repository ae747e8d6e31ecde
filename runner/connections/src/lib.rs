//! The real outside: AWS sessions, Kubernetes clients, files.
