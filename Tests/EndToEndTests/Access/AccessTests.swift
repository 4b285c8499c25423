import HTTP
import Testing

/// Every route of the running server, as everybody who could call it.
@Suite("Who may do what", .timeLimit(.minutes(3)))
struct AccessTests {
    @Test func everyRouteIsInTheTableAndDeclaresWhatItAsks() async throws {
        let declared = try await Self.declared(World.api)
        let table = Dictionary(grouping: AccessTable.rows, by: \.operation)
        #expect(table.values.allSatisfy { $0.count == 1 })
        for operation in declared.keys.sorted() {
            let row = table[operation]?.first
            #expect(row != nil, "\(operation) has no row in AccessTable: who may call it?")
            #expect(declared[operation] == row?.door.declared, "\(operation)")
        }
        for row in AccessTable.rows {
            #expect(declared[row.operation] != nil, "\(row.operation) is in the table alone")
        }
    }

    @Test func everyRouteLetsInExactlyWhoMayCall() async throws {
        let place = try await Neighbourhood()
        for row in AccessTable.rows {
            if case .open = row.door { continue }
            let target = try await row.target(in: place)
            let body = try await row.body?(place)
            for who in Who.all {
                if let (status, code) = row.door.refusal(of: who) {
                    // Who calls is settled first, so what else is wrong does not matter.
                    let reply = try await place.api.reply(
                        row.method, target, token: place.token(of: who))
                    expect(reply, status, code, who, row)
                } else if !row.isStream {
                    try await letIn(who, row, target, body, place)
                }
            }
            if case .hidden = row.others { try await ownerIsServed(row, place) }
        }
    }

    /// Whose door it is gets their own, and of others' things hears that there is none.
    private func letIn(
        _ who: Who, _ row: AccessRow, _ target: String, _ body: JSON?, _ place: Neighbourhood
    ) async throws {
        let endsSession = ["DELETE /v1/sessions/current", "POST /v1/sessions/current/exits"]
            .contains(row.operation)
        let token = endsSession ? try await place.freshToken(of: who) : place.token(of: who)
        // A thing of the owner's that staff changes is not there for the next one.
        let target = row.thing == nil || row.isHidden ? target : try await row.target(in: place)
        let reply = try await place.api.reply(
            row.method, target, body, token: token, key: Api.newKey())
        guard case .hidden(let code, let staffSees) = row.others else {
            #expect(reply.status == row.status, "\(row.operation) as \(who): \(reply.text)")
            return
        }
        if staffSees, AccessTable.staff.contains(who.role ?? "") {
            let (status, code) = row.method == .get ? (row.status, nil) : (403, "forbidden")
            #expect(reply.status == status, "\(row.operation) as \(who): \(reply.text)")
            #expect(reply.code == code, "\(row.operation) as \(who)")
        } else {
            expect(reply, 404, code, who, row)
        }
    }

    private func ownerIsServed(_ row: AccessRow, _ place: Neighbourhood) async throws {
        let reply = try await place.owner.reply(
            row.method, row.target(in: place), row.body?(place))
        #expect(reply.status == row.status, "\(row.operation) as the owner: \(reply.text)")
    }

    private func expect(
        _ reply: Reply, _ status: Int, _ code: String, _ who: Who, _ row: AccessRow
    ) {
        #expect(reply.status == status, "\(row.operation) as \(who): \(reply.text)")
        #expect(reply.code == code, "\(row.operation) as \(who): \(reply.text)")
    }

    /// `security` of each operation that the server describes.
    private static func declared(_ api: Api) async throws -> [String: JSON?] {
        let paths = try await api.expect(200, .get, "/openapi.json")["paths"]?.object?.members
        var declared: [String: JSON?] = [:]
        for (path, operations) in paths ?? [] {
            for (method, operation) in operations.object?.members ?? [] {
                declared.updateValue(
                    operation["security"], forKey: "\(method.uppercased()) \(path)")
            }
        }
        return declared
    }
}

extension AccessRow {
    fileprivate var isHidden: Bool {
        if case .hidden = others { true } else { false }
    }
}
