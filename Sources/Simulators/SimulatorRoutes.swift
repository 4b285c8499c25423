internal import HTTP
internal import Values

/// What people and their tests do with the simulators: look at the books, answer telephones, move
/// the clock, plan faults.
struct SimulatorRoutes: Sendable {
    let world: SimulatedWorld
    let vendors: [any SimulatedVendor]

    /// Ten years: no test needs more in one step.
    private static let secondsMax: Int64 = 315_360_000

    var routes: [Route] {
        [
            .open(
                .get, "/", summary: "A page for people.", tag: "simulator",
                returns: .text("HTML"), handler: page),
            .open(
                .get, "/simulator/books", summary: "Every movement in the vendors' books.",
                tag: "simulator", returns: .ok(.any), handler: books),
            .open(
                .get, "/simulator/conversations", summary: "What was said, oldest first.",
                tag: "simulator", returns: .ok(.any), handler: conversations),
            .open(
                .get, "/simulator/prompts", summary: "Telephones that show a question.",
                tag: "simulator", returns: .ok(.any), handler: prompts),
            .open(
                .post, "/simulator/prompts/{id}/answers", summary: "Answer one.",
                tag: "simulator", parameters: [.path("id", .string(max: 100))],
                body: .object(
                    .required("answer", .enumeration(PromptAnswer.allCases.map(\.rawValue)))),
                returns: .ok(.any), handler: answer),
            .open(
                .post, "/prompts/{id}", summary: "The same from the page.", tag: "simulator",
                parameters: [.path("id", .string(max: 100))],
                form: .object(.required("answer", .string())), returns: .ok(.any),
                handler: answerFromPage),
            .open(
                .post, "/simulator/clock", summary: "Move the vendors' clock forward.",
                tag: "simulator",
                body: .object(.required("advance_seconds", .integer(min: 0, max: Self.secondsMax))),
                returns: .ok(.any), handler: advance),
            .open(
                .put, "/simulator/plan", summary: "Plan faults from now on.", tag: "simulator",
                body: .any, returns: .ok(.any), handler: plan),
        ]
    }

    private func books(_ request: Request) async throws -> Response {
        .json { body in
            body.objects("data", vendors.flatMap { vendor in vendor.books.map { (vendor, $0) } }) {
                pair, writer in
                let (vendor, entry) = pair
                writer.field("vendor", vendor.name)
                writer.field("receipt", entry.receipt)
                writer.field("direction", entry.direction.rawValue)
                writer.field("amount", entry.amount)
                writer.field("currency", entry.currency)
                writer.field("order", entry.order)
                writer.field("reversed", entry.isReversed)
                writer.field("at", entry.at)
            }
        }
    }

    private func conversations(_ request: Request) async throws -> Response {
        .json { body in
            body.objects("data", world.lines) { line, writer in
                writer.field("at", line.at)
                writer.field("vendor", line.vendor)
                writer.field("operation", line.operation)
                writer.field("what", line.what)
                writer.field("text", line.text)
                writer.field("faults", line.faults.map(\.rawValue))
            }
        }
    }

    private func prompts(_ request: Request) async throws -> Response {
        .json { body in
            body.objects("data", vendors.flatMap(\.prompts)) { prompt, writer in
                writer.field("id", prompt.id)
                writer.field("phone", prompt.phone)
                writer.field("amount", prompt.amount)
                writer.field("currency", prompt.currency)
                writer.field("text", prompt.text)
                writer.field("at", prompt.at)
            }
        }
    }

    private func answer(_ request: Request) async throws -> Response {
        try answer(request.parameter("id"), request.json["answer"]?.string)
        return .json { $0.field("answered", true) }
    }

    private func answerFromPage(_ request: Request) async throws -> Response {
        try answer(request.parameter("id"), FormText.fields(of: request)?["answer"])
        return .empty(303, headers: [("Location", "/")])
    }

    private func answer(_ id: String, _ text: String?) throws {
        guard let answer = text.flatMap({ PromptAnswer(rawValue: $0) }) else {
            throw Problem.invalidRequest("There is no such answer.")
        }
        guard vendors.contains(where: { $0.answer(id, answer, in: world) }) else {
            throw Problem.notFound("No telephone shows this question.")
        }
    }

    private func advance(_ request: Request) async throws -> Response {
        guard let seconds = request.json["advance_seconds"]?.integer,
            world.clock.offsetSeconds <= Self.secondsMax
        else { throw Problem.invalidRequest("The clock is ten years ahead already.") }
        world.clock.advance(seconds: seconds)
        for vendor in vendors { vendor.tick(in: world) }
        return .json { $0.field("now", world.now) }
    }

    private func plan(_ request: Request) async throws -> Response {
        do {
            world.plan = try FaultPlan(request.json)
        } catch { throw Problem.invalidRequest("\(error)") }
        return .json { body in
            body.field("seed", Int64(clamping: world.plan.seed))
            body.field("rules", Int64(world.plan.rules.count))
        }
    }

    // MARK: The page

    /// Lines on the page; all of them are in the record.
    private static let pageLinesMax = 100

    private func page(_ request: Request) async throws -> Response {
        let prompts = vendors.flatMap(\.prompts).map { prompt in
            let buttons = PromptAnswer.allCases.map {
                "<button name=answer value=\($0.rawValue)>\($0.rawValue)</button> "
            }.joined()
            return "<form method=post action=\"/prompts/\(Self.escaped(prompt.id))\"><b>"
                + Self.escaped(prompt.phone) + "</b> " + Self.escaped(prompt.text) + " "
                + buttons + "</form>"
        }
        let lines = world.lines.suffix(Self.pageLinesMax).reversed().map { line in
            "<tr><td>\(line.at)<td>\(Self.escaped(line.vendor)) \(Self.escaped(line.operation))"
                + "<td>\(line.what)<td>\(line.faults.map(\.rawValue).joined(separator: " "))"
                + "<td><code>\(Self.escaped(line.text))</code>"
        }
        let html =
            "<!doctype html><meta charset=utf-8><meta http-equiv=refresh content=3>"
            + "<title>Simulated vendors</title><style>body{font:14px sans-serif;margin:2em}"
            + "td{padding:2px 8px;vertical-align:top;border-top:1px solid #ddd}"
            + "code{word-break:break-all}</style><h1>Simulated vendors</h1><p>It is \(world.now)."
            + "<h2>Telephones</h2>"
            + (prompts.isEmpty ? "<p>None shows a question." : prompts.joined())
            + "<h2>Conversations</h2><table>" + lines.joined() + "</table>"
        return .bytes(200, Array(html.utf8), as: "text/html; charset=utf-8")
    }

    private static func escaped(_ text: String) -> String {
        var escaped = ""
        for character in text {
            switch character {
            case "&": escaped += "&amp;"
            case "<": escaped += "&lt;"
            case ">": escaped += "&gt;"
            case "\"": escaped += "&quot;"
            case "'": escaped += "&#39;"
            default: escaped.append(character)
            }
        }
        return escaped
    }
}
