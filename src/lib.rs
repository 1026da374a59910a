#![doc = include_str!("ARCHITECTURE.md")]

// From the ground up: a module imports only what stands above it.

pub mod clock;

pub mod value;

pub mod diagnostic;

pub mod expr;

pub mod template;

pub mod spec;

pub mod auth;

pub mod delivery;

pub mod zoho;

pub mod outbound;

pub mod route;

pub mod store;

pub mod connect;

pub mod gateway;

pub mod dispatch;

pub mod server;

pub mod cli;
