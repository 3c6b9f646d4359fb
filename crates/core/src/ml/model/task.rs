//! Which task a model has: told by the target's type, the estimator and the user.

use arrow::datatypes::{DataType, Field};

use super::ModelSpec;
use super::check::Part;
use crate::data::Sort;
use crate::ml::estimator::{Tags, Task};

/// Why a model has no task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NoTask {
    /// What to mend.
    pub part: Part,
    /// A stable name of the trouble.
    pub code: &'static str,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: String,
}

/// What a target's type tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Classes,
    Whole,
    Number,
    Neither,
}

impl Kind {
    fn of(field: &Field) -> Self {
        match Sort::of_field(field) {
            Some(Sort::Flag | Sort::Category | Sort::Text) => Self::Classes,
            Some(Sort::Number) => match field.data_type() {
                DataType::Duration(_) | DataType::Time32(_) | DataType::Time64(_) => Self::Number,
                own if own.is_integer() => Self::Whole,
                _ => Self::Number,
            },
            Some(Sort::Time) | None => Self::Neither,
        }
    }

    /// The tasks that such a target tells by itself.
    const fn told(self) -> &'static [Task] {
        match self {
            Self::Classes => &[Task::Classification],
            Self::Whole => &[Task::Classification, Task::Regression],
            Self::Number => &[Task::Regression],
            Self::Neither => &[],
        }
    }

    /// The tasks that such a target can be used for when the user says so.
    const fn possible(self) -> &'static [Task] {
        match self {
            Self::Classes => &[Task::Classification],
            Self::Whole | Self::Number => &[Task::Classification, Task::Regression],
            Self::Neither => &[],
        }
    }

    const fn spoken(self) -> &'static str {
        match self {
            Self::Classes => "classes",
            Self::Whole => "whole numbers",
            Self::Number => "numbers",
            Self::Neither => "neither classes nor numbers",
        }
    }
}

impl ModelSpec {
    /// Settles the task of the model on rows whose target has a type; without a target, `field` is
    /// none.
    pub(super) fn settle_task(&self, field: Option<&Field>, tags: Tags) -> Result<Task, NoTask> {
        let Some(field) = field else { return self.task_without_target(tags) };
        let kind = Kind::of(field);
        let name = field.name();
        if kind == Kind::Neither {
            let holds = Sort::of_field(field).map_or("lists or bytes", Sort::spoken);
            return Err(NoTask {
                part: Part::Target,
                code: "target-type",
                message: format!("the target `{name}` holds {holds}, which can't be told"),
                help: "make a number or a class of it in SQL".to_owned(),
            });
        }
        match self.task {
            Some(task) => self.task_asked(task, kind, name, tags),
            None => self.task_told(kind, name, tags),
        }
    }

    fn task_without_target(&self, tags: Tags) -> Result<Task, NoTask> {
        let estimator = self.estimator.name;
        let open: Vec<Task> =
            tags.tasks.iter().copied().filter(|task| !needs_target(*task)).collect();
        match (self.task, open.as_slice()) {
            (Some(task), open) if open.contains(&task) => Ok(task),
            (Some(task), _) if needs_target(task) => Err(NoTask {
                part: Part::Task,
                code: "no-target",
                message: format!("{} needs a target", task.word()),
                help: "add `target: COLUMN`".to_owned(),
            }),
            (None, [task]) => Ok(*task),
            (None, []) => Err(NoTask {
                part: Part::Estimator,
                code: "no-target",
                message: format!("`{estimator}` needs a target"),
                help: "add `target: COLUMN`".to_owned(),
            }),
            (None, _) => Err(NoTask {
                part: Part::Task,
                code: "no-task",
                message: format!(
                    "`{estimator}` does {}, and nothing says which is meant",
                    words(&open)
                ),
                help: format!("add `task: {}`", open.first().map_or("", |task| task.word())),
            }),
            (Some(task), _) => Err(self.cannot(task, tags)),
        }
    }

    fn task_asked(&self, task: Task, kind: Kind, name: &str, tags: Tags) -> Result<Task, NoTask> {
        if !needs_target(task) {
            return Err(NoTask {
                part: Part::Target,
                code: "needless-target",
                message: format!("{} takes no target", task.word()),
                help:
                    "remove `target`, and leave the column out of `features` if it must not be seen"
                        .to_owned(),
            });
        }
        if !tags.tasks.contains(&task) {
            return Err(self.cannot(task, tags));
        }
        if !kind.possible().contains(&task) {
            return Err(NoTask {
                part: Part::Task,
                code: "task-misfit",
                message: format!(
                    "the target `{name}` holds {}, which {} can't tell",
                    kind.spoken(),
                    task.word()
                ),
                help: format!("`{name}` is for {}", words(kind.possible())),
            });
        }
        Ok(task)
    }

    fn task_told(&self, kind: Kind, name: &str, tags: Tags) -> Result<Task, NoTask> {
        let estimator = self.estimator.name;
        if !tags.tasks.iter().any(|task| needs_target(*task)) {
            return Err(NoTask {
                part: Part::Target,
                code: "needless-target",
                message: format!("`{estimator}` does {} and takes no target", words(tags.tasks)),
                help:
                    "remove `target`, and leave the column out of `features` if it must not be seen"
                        .to_owned(),
            });
        }
        let told: Vec<Task> =
            kind.told().iter().copied().filter(|task| tags.tasks.contains(task)).collect();
        match told.as_slice() {
            [task] => Ok(*task),
            [] => {
                let mut trouble = NoTask {
                    part: Part::Estimator,
                    code: "task-misfit",
                    message: format!(
                        "the target `{name}` holds {}, but `{estimator}` does {}",
                        kind.spoken(),
                        words(tags.tasks)
                    ),
                    help: format!("use an estimator for {}", words(kind.told())),
                };
                if kind == Kind::Number {
                    trouble.help.push_str("; if the numbers stand for classes, make whole numbers or texts of them in SQL");
                }
                Err(trouble)
            }
            _ => Err(NoTask {
                part: Part::Task,
                code: "no-task",
                message: format!(
                    "the target `{name}` holds whole numbers: they may be classes or amounts"
                ),
                help: "add `task: classification` or `task: regression`".to_owned(),
            }),
        }
    }

    fn cannot(&self, task: Task, tags: Tags) -> NoTask {
        NoTask {
            part: Part::Task,
            code: "task-misfit",
            message: format!(
                "`{}` does {}, not {}",
                self.estimator.name,
                words(tags.tasks),
                task.word()
            ),
            help: "use another estimator, or another task".to_owned(),
        }
    }
}

const fn needs_target(task: Task) -> bool {
    matches!(task, Task::Classification | Task::Regression)
}

fn words(tasks: &[Task]) -> String {
    let words: Vec<&str> = tasks.iter().map(|task| task.word()).collect();
    match words.split_last() {
        None => "nothing".to_owned(),
        Some((last, [])) => (*last).to_owned(),
        Some((last, others)) => format!("{} and {last}", others.join(", ")),
    }
}
