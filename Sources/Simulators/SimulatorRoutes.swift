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
                writer.field("party", entry.party)
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

    private static let style = """
        body{font:14px sans-serif;margin:2em}
        td{padding:2px 8px;vertical-align:top;border-top:1px solid #ddd}
        code{word-break:break-all}
        """

    private func page(_ request: Request) async throws -> Response {
        let prompts = vendors.flatMap(\.prompts).map(Self.form).joined()
        let lines = world.lines.suffix(Self.pageLinesMax).reversed().map(Self.row).joined()
        let html = """
            <!doctype html><meta charset=utf-8><meta http-equiv=refresh content=3>
            <title>Simulated vendors</title><style>\(Self.style)</style>
            <h1>Simulated vendors</h1><p>It is \(world.now).
            <h2>Telephones</h2>\(prompts.isEmpty ? "<p>None shows a question." : prompts)
            <h2>Conversations</h2><table>\(lines)</table>
            """
        return .bytes(200, Array(html.utf8), as: "text/html; charset=utf-8")
    }

    private static func form(_ prompt: SimulatedPrompt) -> String {
        let buttons = PromptAnswer.allCases.map { answer in
            "<button name=answer value=\(answer.rawValue)>\(answer.rawValue)</button> "
        }
        return """
            <form method=post action="/prompts/\(escaped(prompt.id))"><b>\(escaped(prompt.phone))\
            </b> \(escaped(prompt.text)) \(buttons.joined())</form>
            """
    }

    private static func row(_ line: SimulatedWorld.Line) -> String {
        let faults = line.faults.map(\.rawValue).joined(separator: " ")
        return """
            <tr><td>\(line.at)<td>\(escaped(line.vendor)) \(escaped(line.operation))\
            <td>\(line.what)<td>\(faults)<td><code>\(escaped(line.text))</code>
            """
    }

    private static func escaped(_ text: String) -> String { PageText.escaped(text) }
}
