internal import Values

extension Request {
    /// How many items the page is to have; the route's parameters include `.limit`.
    package var pageLimit: Int {
        queryInteger("limit").map { Int($0) } ?? Page<Never>.limitDefault
    }
}

extension Parameter {
    package static let cursor = Parameter.query(
        "cursor", .string(min: 1, max: 64), "The next_cursor of the page before.")
    package static let limit = Parameter.query(
        "limit", .integer(min: 1, max: Int64(Page<Never>.limitMax)), "Items on a page.")
}
