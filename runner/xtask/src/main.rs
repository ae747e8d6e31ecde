//! The tasks of the project itself. It must not know anything the product needs at run time.

fn main() {}
