import HTTP
import Testing

/// Every route that names a thing, called with names that are not the caller's to use.
///
/// That strangers get at nothing is walked through in `AccessTests`; here they do not even learn
/// what there is.
@Suite("Abuse: the things of others", .serialized, .timeLimit(.minutes(3)))
struct StrangersThingTests {
    private static let place = Task { try await Neighbourhood() }
    private static var hiding: [AccessRow] {
        AccessTable.rows.filter { row in
            if case .hidden = row.others { row.thing != nil } else { false }
        }
    }

    @Test func walkFindsThings() {
        #expect(Self.hiding.count > 15)
    }

    /// The words for another's thing are those for what does not exist, to the letter.
    @Test func anothersThingLooksLikeNone() async throws {
        let place = try await Self.place.value
        let stranger = try #require(place.person(.person(role: "merchant")))
        for row in Self.hiding {
            let body = try await row.body?(place)
            let theirs = try await stranger.reply(
                row.method, try await row.target(in: place), body)
            for name in [row.nobodys, row.nobodys.uppercased()] {
                let none = try await stranger.reply(row.method, row.path(naming: name), body)
                expect(none, 404, row.codeOfOthers, "\(row.operation)")
                #expect(
                    none.text.withoutRequestID == theirs.text.withoutRequestID,
                    "\(row.operation) tells strangers what there is")
            }
        }
    }

    /// A name in other letters is the same name, and still another's; with more in it, it is none.
    @Test func spellingTheNameOtherwiseOpensNothing() async throws {
        let place = try await Self.place.value
        let stranger = try #require(place.person(.person(role: "merchant")))
        for row in Self.hiding {
            guard let thing = try await row.thing?(place) else { continue }
            let body = try await row.body?(place)
            let spellings = [
                (thing.uppercased(), 404, row.codeOfOthers),
                (thing + "%00", 400, "invalid_request"),
                (thing + "%", 400, "invalid_request"), (thing + "%20", 404, row.codeOfNoName),
                ("%20" + thing, 404, row.codeOfNoName), (thing + ",", 404, row.codeOfNoName),
                (thing + "%2F", 404, row.codeOfNoName),
                ("%7B" + thing + "%7D", 404, row.codeOfNoName),
                (String(thing.dropLast()), 404, row.codeOfNoName),
            ]
            for (spelling, status, code) in spellings {
                let reply = try await stranger.reply(row.method, row.path(naming: spelling), body)
                expect(reply, status, code, "\(row.operation) \(spelling)")
            }
        }
    }

    @Test(arguments: [
        "0", "1", "-1", "null", "undefined", "*", "me", "%2E%2E", "%2E%2E%2Fadmin", "%00",
        "' OR '1'='1", "1;DROP TABLE identity.users", "${7*7}", "<script>", "%0d%0aX-Evil:1",
        "00000000-0000-0000-0000-00000000000g", "🙂", "𝟙", "ａｄｍｉｎ",
    ])
    func whatIsNoNameIsRefused(_ name: String) async throws {
        let place = try await Self.place.value
        let caller = try #require(place.person(.person(role: "merchant")))
        let encoded = name.contains("%") ? name : Self.encoded(name)
        // What no address may have in it is refused before anybody looks for a name.
        let isOutOfShape = ["%2E%2E", "%00"].contains(name)
        for row in Self.hiding {
            let reply = try await caller.reply(
                row.method, row.path(naming: encoded), try await row.body?(place))
            expect(
                reply, isOutOfShape ? 400 : 404,
                isOutOfShape ? "invalid_request" : row.codeOfNoName,
                "\(row.operation) \(name)")
            #expect(reply.header("X-Evil") == nil)
        }
    }

    /// A thing of another kind is no thing of this one, even if it is the caller's.
    @Test func kindsDoNotMix() async throws {
        let place = try await Self.place.value
        let things = [
            ("wallets", try await place.wallet()), ("transfers", try await place.received()),
            ("holds", try await place.hold()), ("requests", try await place.asked()),
            ("api_keys", try await place.key()), ("passkeys", try await place.passkey()),
            ("users", place.owner.id),
        ]
        // A payment, a hold and what became of it are one kind of thing: movements of money.
        let movements: Set = ["transfers", "holds", "entries"]
        for row in Self.hiding where row.operation.contains(" /v1/") {
            let kind = String(row.operation.split(separator: "/")[2])
            let body = try await row.body?(place)
            for (other, name) in things where other != kind {
                if movements.isSuperset(of: [kind, other]) { continue }
                let reply = try await place.owner.reply(row.method, row.path(naming: name), body)
                #expect(reply.status == 404, "\(row.operation) took one of \(other): \(reply.text)")
            }
            let own = try await place.owner.reply(row.method, row.target(in: place), body)
            #expect(own.status == row.status, "\(row.operation): \(own.text)")
        }
    }

    private func expect(_ reply: Reply, _ status: Int, _ code: String, _ what: String) {
        #expect(reply.status == status, "\(what): \(reply.text)")
        #expect(reply.code == code, "\(what): \(reply.text)")
    }

    private static func encoded(_ text: String) -> String {
        text.utf8.reduce(into: "") { $0 += "%" + ($1 < 16 ? "0" : "") + String($1, radix: 16) }
    }
}

extension AccessRow {
    /// A name as this row's things have them, which none of them has.
    fileprivate var nobodys: String {
        if operation.contains("{email}") { return "nobody-at-all@example.com" }
        if operation.contains("{wid}") { return "8467a61c1243ad4f" }
        return operation.contains("{id16}")
            ? "01912d68783e7a0384675661c1243ad4" : "01912d68-783e-7a03-8467-5661c1243ad4"
    }

    /// What is answered to who asks for what is not theirs.
    fileprivate var codeOfOthers: String {
        if case .hidden(let code, _) = others { code } else { "" }
    }

    /// Ids have a form, and what has another one is at no address at all. What stands in the place
    /// of an e-mail address is somebody's or nobody's.
    fileprivate var codeOfNoName: String {
        operation.contains("{email}") ? codeOfOthers : "not_found"
    }

    /// The path with that in the place of its parameter.
    func path(naming name: String) -> String {
        let path = operation.drop { $0 != " " }.dropFirst()
        return path.prefix { $0 != "{" } + name + path.drop { $0 != "}" }.dropFirst()
    }
}
