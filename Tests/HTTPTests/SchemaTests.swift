import Testing

@testable import HTTP

struct SchemaTests {
    private static let order = Schema.object(
        .required("to", .string(min: 1, max: 5)),
        .required("amount", .integer(min: 1, max: 100)),
        .optional("rate", .number),
        .optional("kind", .enumeration(["a", "b"])),
        .optional("note", .nullable(.string(max: 3))),
        .optional("id", .uuid),
        .optional("at", .timestamp),
        .optional("tags", .array(.string(max: 2), max: 2)),
        .optional("flag", .boolean),
        .optional(
            "code", .string(pattern: Schema.Pattern("^[0-9]{6}$") { $0.utf8.count == 6 })),
        .optional("inner", .object(.required("a/b~c", .integer()))))

    @Test(arguments: [
        #"{"to":"bob","amount":1}"#,
        #"{"to":"bob","amount":100,"rate":1.25,"kind":"a","note":null,"flag":false}"#,
        #"{"to":"b","amount":1,"id":"0198c0de-0000-7000-8000-000000000001","at":"2026-11-21"}"#,
        #"{"to":"ééééé","amount":1,"tags":["x","y"],"code":"123456","inner":{"a/b~c":1}}"#,
    ])
    func accepts(text: String) throws {
        try Self.order.check(JSON(parsing: text))
    }

    @Test(arguments: [
        ("[]", "", "must be an object"),
        (#"{"amount":1}"#, "/to", "is required"),
        (#"{"to":"bob","amount":"1"}"#, "/amount", "must be an integer"),
        (#"{"to":"bob","amount":1.0}"#, "/amount", "must be an integer"),
        (#"{"to":"bob","amount":0}"#, "/amount", "must be at least 1"),
        (#"{"to":"bob","amount":101}"#, "/amount", "must be at most 100"),
        (#"{"to":"","amount":1}"#, "/to", "must have at least 1 characters"),
        (#"{"to":"sixsix","amount":1}"#, "/to", "must have at most 5 characters"),
        (#"{"to":"a\u0000","amount":1}"#, "/to", "must not contain U+0000"),
        (#"{"to":"b","amount":1,"x":1}"#, "/x", "is not a known field"),
        (#"{"to":"b","amount":1,"kind":"c"}"#, "/kind", "must be one of a, b"),
        (#"{"to":"b","amount":1,"note":"long"}"#, "/note", "must have at most 3 characters"),
        (#"{"to":"b","amount":1,"flag":1}"#, "/flag", "must be true or false"),
        (#"{"to":"b","amount":1,"rate":"1"}"#, "/rate", "must be a number"),
        (#"{"to":"b","amount":1,"tags":["a","bcd"]}"#, "/tags/1", "must have at most 2 characters"),
        (#"{"to":"b","amount":1,"tags":["a","b","c"]}"#, "/tags", "must have at most 2 elements"),
        (#"{"to":"b","amount":1,"code":"1"}"#, "/code", "must match ^[0-9]{6}$"),
        (#"{"to":"b","amount":1,"at":"today is fine"}"#, "/at", "must be a valid date-time"),
        (
            #"{"to":"b","amount":1,"inner":{"a/b~c":null}}"#, "/inner/a~1b~0c", "must be an integer"
        ),
    ])
    func pointsAtTheFirstDeparture(text: String, field: String, reason: String) throws {
        let json = try JSON(parsing: text)
        let violation = #expect(throws: Violation.self) { try Self.order.check(json) }
        #expect(violation == Violation(field: field, reason: reason))
    }

    @Test func readsParametersAsTheirType() throws {
        try Schema.integer(min: 1, max: 5).check(parameter: "5")
        try Schema.boolean.check(parameter: "true")
        try Schema.string().check(parameter: "5")
        #expect(throws: Violation.self) { try Schema.integer().check(parameter: "5x") }
        #expect(throws: Violation.self) { try Schema.integer().check(parameter: "") }
        #expect(throws: Violation.self) { try Schema.boolean.check(parameter: "yes") }
    }

    @Test func describesItself() {
        let document = Schema.named("Order", Self.order).document
        #expect(document["$ref"]?.string == "#/components/schemas/Order")
        let order = Self.order.document
        #expect(order["required"]?.array == ["to", "amount"])
        #expect(order["additionalProperties"]?.bool == false)
        let amount = order["properties"]?["amount"]
        #expect(amount?["minimum"]?.integer == 1)
        #expect(amount?["maximum"]?.integer == 100)
        #expect(order["properties"]?["id"]?["format"]?.string == "uuid")
        #expect(order["properties"]?["note"]?["anyOf"]?[1]?["type"]?.string == "null")
    }
}
