//! AWS as data: service models, validation, encoding and decoding of any operation.
