import HTTP
import Testing

struct OpenAPITests {
    private let document: JSON

    init() throws {
        document = try JSON(
            parsing: OpenAPI.document(Sample.routes, title: "Coins", version: "1"))
    }

    private func responses(_ path: String, _ method: String) -> [String] {
        document["paths"]?[path]?[method]?["responses"]?.object?.members.map(\.name) ?? []
    }

    @Test func saysWhatItIs() {
        #expect(document["openapi"]?.string == "3.1.0")
        #expect(document["info"]?["title"]?.string == "Coins")
        #expect(document["tags"]?.array?.first?["name"]?.string == "Coins")
    }

    @Test func listsEveryRouteOnce() {
        let operations = document["paths"]?.object?.members.flatMap { path in
            path.value.object?.members.map { "\($0.name) \(path.name)" } ?? []
        }
        let expected = Sample.routes.map { "\($0.method.rawValue.lowercased()) \($0.path)" }
        #expect(Set(operations ?? []) == Set(expected))
        #expect(operations?.count == expected.count)
    }

    @Test func documentsGenericRefusals() {
        #expect(
            responses("/coins", "post")
                == ["201", "400", "401", "406", "409", "413", "415", "429", "431", "500", "503"])
        #expect(
            responses("/coins/{id}", "get")
                == ["200", "400", "404", "406", "413", "429", "431", "500", "503"])
        let conflict = document["paths"]?["/coins"]?["post"]?["responses"]?["409"]
        #expect(conflict?["description"]?.string == "`jar_full`")
        let content = conflict?["content"]?["application/problem+json"]
        #expect(content?["schema"]?["$ref"]?.string == "#/components/schemas/Problem")
    }

    @Test func describesParametersAndBodies() {
        let operation = document["paths"]?["/coins"]?["post"]
        #expect(operation?["operationId"]?.string == "post_coins")
        #expect(operation?["security"] == [["bearer": ["alice"]]])
        #expect(operation?["parameters"]?[0]?["name"]?.string == "Idempotency-Key")
        #expect(operation?["parameters"]?[0]?["required"]?.bool == true)
        #expect(operation?["requestBody"]?["required"]?.bool == true)
        let echo = document["paths"]?["/echo"]?["post"]?["requestBody"]
        #expect(echo?["required"]?.bool == false)
    }

    @Test func sharesNamedSchemas() {
        let schemas = document["components"]?["schemas"]?.object?.members.map(\.name)
        #expect(schemas == ["Problem", "Coin"])
        let bearer = document["components"]?["securitySchemes"]?["bearer"]
        #expect(bearer?["scheme"]?.string == "bearer")
        #expect(document["paths"]?["/coins"]?["get"]?["security"] == nil)
    }
}
