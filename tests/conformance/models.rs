//! The models in the program are whole.

use runbook_aws::catalog;

#[test]
fn every_line_of_every_model_is_understood() {
    let mut operations = 0;
    for name in catalog().services() {
        let service = catalog().service(name).unwrap();
        service.verify().unwrap();
        operations += service.operations().count();
    }
    println!("{} services, {operations} operations", catalog().services().count());
    assert!(operations > 2000, "{operations} operations");
}
