internal import HTTP
internal import Synchronization
internal import Values

// What Daraja sends of its own accord.

extension DarajaSimulator {
    package func tick(in world: SimulatedWorld) {
        tickPushes(in: world)
        tickPayouts(in: world)
    }

    /// One callback, as faithfully as the faults allow. Daraja sends each once and signs none.
    func send(
        _ body: JSON, opposite: JSON?, to url: String, _ operation: String,
        _ faults: [FaultPlan.Rule], in world: SimulatedWorld
    ) {
        let kinds = Set(faults.map(\.fault))
        if kinds.contains(.contradict), let opposite {
            let isFirst = world.draw(below: 2) == 0
            world.post(
                opposite, to: url, after: Self.callbackSeconds + (isFirst ? -1 : 1), vendor: name,
                operation)
        }
        if kinds.contains(.wrongSignature) {
            world.post(
                body, to: Self.misspelt(url), after: Self.callbackSeconds, vendor: name, operation)
        }
        guard !kinds.contains(.dropCallback) else { return }
        let late = faults.first { $0.fault == .reorderCallback }?.seconds ?? 0
        world.post(
            body, to: url, after: Self.callbackSeconds + late, vendor: name, operation)
        if kinds.contains(.duplicateCallback) {
            world.post(
                body, to: url, after: Self.callbackSeconds + late + 1, vendor: name, operation)
        }
    }

    /// An address that somebody guessed.
    private static func misspelt(_ url: String) -> String {
        String(url.dropLast()) + (url.hasSuffix("A") ? "B" : "A")
    }
}
