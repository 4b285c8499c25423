extension Rule {
    /// A target imports only targets that Package.swift lists above it: a total order is easier to
    /// see than a graph, and a cycle cannot even be written down.
    static let importsPointUpwards = Rule(name: "imports point upwards") { repository in
        repository.swiftFiles.flatMap { file -> [Finding] in
            guard let target = file.target else { return [] }
            guard let own = repository.targets.firstIndex(of: target) else {
                return [
                    Finding(path: file.path, line: 1, message: "\(target) is in no target list")
                ]
            }
            return imports(of: file).compactMap { module, line in
                guard let other = repository.targets.firstIndex(of: module), other >= own else {
                    return nil
                }
                let message = "\(target) imports \(module), which is listed below it"
                return Finding(path: file.path, line: line, message: message)
            }
        }
    }

    private static func imports(of file: SourceFile) -> [(module: String, line: Int)] {
        let code = file.code
        return code.indices.dropLast().compactMap { index in
            guard code[index].text == "import", code[index].kind == .word else { return nil }
            return (code[index + 1].text, code[index].line)
        }
    }
}
